"""Methods and paths: HEAD, OPTIONS, 405, and what is not there."""

import httpx2
import pytest

from tests.accounts import PASSWORD, Account, signup_body
from tests.integration.wire import exchange, problem, raw_status
from tests.service import Service

_ALLOW = {
    "/api/users": "GET, HEAD, OPTIONS, POST",
    "/api/users/me": "GET, HEAD, OPTIONS",
    "/api/users/1": "DELETE, GET, HEAD, OPTIONS, PATCH",
    "/api/users/1/password": "OPTIONS, PUT",
    "/api/auth/login": "OPTIONS, POST",
    "/livez": "GET, HEAD, OPTIONS",
    "/readyz": "GET, HEAD, OPTIONS",
    "/metrics": "GET, HEAD, OPTIONS",
    "/openapi.json": "GET, HEAD, OPTIONS",
    "/docs": "GET, HEAD, OPTIONS",
    "/problems/not-found": "GET, HEAD, OPTIONS",
}
_METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"}


@pytest.mark.parametrize(("path", "allow"), _ALLOW.items())
def test_options_gives_204_and_what_is_allowed(
    client: httpx2.Client, path: str, allow: str
) -> None:
    """Nobody needs to sign in to ask."""
    response = client.options(path)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["Allow"] == allow
    assert "Content-Length" not in response.headers


@pytest.mark.parametrize(("path", "allow"), _ALLOW.items())
def test_405_carries_exactly_what_is_allowed(client: httpx2.Client, path: str, allow: str) -> None:
    """Every method that Allow does not list is refused, for everybody alike."""
    for method in sorted(_METHODS - set(allow.split(", "))):
        response = client.request(method, path)
        assert response.headers["Allow"] == allow
        if method == "HEAD":
            assert response.status_code == 405
        else:
            problem(response, 405, "method-not-allowed")


@pytest.mark.parametrize(
    "path",
    ["/api/users/me", "/livez", "/openapi.json", "/docs", "/docs/swagger-ui.css", "/problems",
     "/problems/not-found", "/nothing", "/problems/nothing"],
)  # fmt: skip
def test_head_is_get_without_the_body(client: httpx2.Client, somebody: Account, path: str) -> None:
    """The same status and headers, the length of the body included."""
    headers = {**somebody.auth, "X-Request-ID": "the-same"}
    changing = {"date", "ratelimit", "x-cache"}
    get, head = (client.request(method, path, headers=headers) for method in ("GET", "HEAD"))
    assert head.status_code == get.status_code
    assert head.content == b""
    assert int(head.headers["Content-Length"]) == len(get.content)
    assert {name: value for name, value in head.headers.items() if name not in changing} == {
        name: value for name, value in get.headers.items() if name not in changing
    }


def test_head_leaves_the_connection_in_order(service: Service) -> None:
    """No body follows a HEAD, so that the next response on the connection is found."""
    head = b"HEAD /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = exchange(service, head + last)
    first, _, second = answer.partition(b"\r\n\r\n")
    assert raw_status(first) == 200
    assert raw_status(second) == 200
    assert b'"alive"' in second


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/api", "/api/", "/api/users/", "/api/users/me/", "/api//users", "//api/users",
     "/API/users", "/api/users/1/", "/api/auth/login/", "/api/users/1/password/", "/livez/",
     "/docs/", "/docs/../app/main.py", "/docs/%2e%2e%2fmain.py", "/openapi.json/", "/problems/",
     "/.env", "/redoc"],
)  # fmt: skip
def test_what_is_not_there_gets_404_and_no_redirect(client: httpx2.Client, path: str) -> None:
    """One spelling for each path: a slash more is another one, which does not exist."""
    for method in ("GET", "POST", "DELETE"):
        response = client.request(method, path)
        problem(response, 404, "not-found")
        assert "Location" not in response.headers


@pytest.mark.parametrize(
    "path",
    ["/problems/x", "/problems/%00", "/docs/nothing", "/docs/swagger-ui-bundle.js.map"],
)
def test_a_page_that_is_not_there_gets_404(client: httpx2.Client, path: str) -> None:
    """The path has a shape that exists, and still there is nothing."""
    problem(client.get(path), 404, "not-found")


@pytest.mark.parametrize("path", ["/livez%0A", "/api/users/me%0A", "/api/auth/login%0A"])
def test_a_newline_at_the_end_makes_another_path(
    client: httpx2.Client, somebody: Account, path: str
) -> None:
    """In a regular expression `$` fits before a last newline, too; in a path it must not."""
    problem(client.get(path, headers=somebody.auth), 404, "not-found")


@pytest.mark.parametrize(
    "path",
    ["/api%2Fusers", "/api%2fusers/me", "/api/users%2Fme", "/api/users%2fme", "/%2Fapi/users/me",
     "/api/users/me%2F", "/api/users/%2Fme", "/problems%2Fnot-found", "/problems/a%252Fb",
     "/problems/a%2Fb", "/docs/%2Fstart.js"],
)  # fmt: skip
def test_an_encoded_slash_separates_nothing(
    client: httpx2.Client, somebody: Account, path: str
) -> None:
    """RFC 3986, section 2.2. No cache answers it either, though the other path is cached."""
    for _ in range(3):
        assert client.get("/api/users/me", headers=somebody.auth).status_code == 200
        for method in ("GET", "DELETE"):
            problem(client.request(method, path, headers=somebody.auth), 404, "not-found")


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("/api/users/", "Try `/api/users`, without a slash at the end."),
        (
            "/api/users/1/orders//",
            "Try `/api/users/{user_id}/orders`, with single slashes, without",
        ),
        ("/api///users//me", "Try `/api/users/me`, with single slashes."),
        ("/users", "Try `/api/users`, with `/api` in front."),
        ("/users/canary/orders/7/", "Try `/api/users/{user_id}/orders/{order_id}`, with `/api` in"),
        ("/auth/login", "Try `/api/auth/login`, with `/api` in front."),
        ("/livez/", "Try `/livez`, without a slash at the end."),
        ("/problems/canary/", "Try `/problems/{code}`, without a slash at the end."),
    ],
)
def test_a_404_says_which_path_was_probably_meant(
    client: httpx2.Client, path: str, advice: str
) -> None:
    """By its template: nothing that the client has chosen is repeated."""
    for method in ("GET", "POST"):
        response = client.request(method, path)
        detail = problem(response, 404, "not-found")["detail"]
        assert detail.startswith(f"There is nothing here. {advice}")
        assert detail.endswith(".")
        assert "canary" not in response.text


@pytest.mark.parametrize("path", ["/nothing", "/api", "/api/nothing/", "/api/api/users", "/.env/"])
def test_a_404_without_a_likely_path_advises_none(client: httpx2.Client, path: str) -> None:
    """Nothing is guessed."""
    detail = problem(client.get(path), 404, "not-found")["detail"]
    assert detail == "There is nothing here. Check the path and the id."


@pytest.mark.parametrize("spelling", ["+{}", "{}.0", "%20{}", "{}%0A", "0{}", "{}%20"])
def test_an_id_has_one_spelling(client: httpx2.Client, somebody: Account, spelling: str) -> None:
    """Digits and nothing else, as the OpenAPI document says: caches and logs see one path."""
    path = "/api/users/" + spelling.format(somebody.id)
    assert client.get(path, headers=somebody.auth).status_code in {404, 422}


def test_the_root_leads_to_the_documentation(client: httpx2.Client) -> None:
    """Whoever opens the bare address in a browser finds something to read."""
    response = client.get("/")
    assert response.status_code == 303
    assert client.get(response.headers["Location"]).status_code == 200


def test_nothing_happens_on_a_head_or_options_for_signup(client: httpx2.Client) -> None:
    """Only POST makes an account."""
    body = signup_body()
    for method in ("HEAD", "OPTIONS"):
        client.request(method, "/api/users", json=body)
    login = {"email": body["email"], "password": PASSWORD}
    problem(client.post("/api/auth/login", json=login), 401, "bad-credentials")

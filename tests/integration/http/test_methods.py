"""Methods and paths: HEAD, OPTIONS, 405 and 404."""

import httpx2
import pytest

from tests.accounts import PASSWORD, Account, signup_body
from tests.integration.wire import exchange, problem, raw_status
from tests.service import Service

_ALLOWED_METHODS = {
    "/api/users": "GET, HEAD, OPTIONS, POST",
    "/api/users/me": "GET, HEAD, OPTIONS",
    "/api/users/1": "DELETE, GET, HEAD, OPTIONS, PATCH",
    "/api/users/1/password": "OPTIONS, PUT",
    "/api/users/1/email": "OPTIONS, PUT",
    "/api/auth/email-confirmation": "OPTIONS, POST, PUT",
    "/api/auth/password-reset": "OPTIONS, POST, PUT",
    "/api/auth/login": "OPTIONS, POST",
    "/livez": "GET, HEAD, OPTIONS",
    "/readyz": "GET, HEAD, OPTIONS",
    "/metrics": "GET, HEAD, OPTIONS",
    "/openapi.json": "GET, HEAD, OPTIONS",
    "/docs": "GET, HEAD, OPTIONS",
    "/problems/not-found": "GET, HEAD, OPTIONS",
}
_METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"}


@pytest.mark.parametrize(("path", "allow"), _ALLOWED_METHODS.items())
def test_options_returns_204_with_the_allowed_methods(
    client: httpx2.Client, path: str, allow: str
) -> None:
    """OPTIONS requires no sign-in."""
    response = client.options(path)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["Allow"] == allow
    assert "Content-Length" not in response.headers


@pytest.mark.parametrize(("path", "allow"), _ALLOWED_METHODS.items())
def test_405_lists_exactly_the_allowed_methods(
    client: httpx2.Client, path: str, allow: str
) -> None:
    """Every method that is not in Allow is refused, even without a sign-in."""
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
def test_head_is_get_without_the_body(
    client: httpx2.Client, shared_user: Account, path: str
) -> None:
    """HEAD has the status and headers of GET, including the Content-Length of GET's body.

    Only Date, RateLimit and X-Cache may differ.
    """
    headers = {**shared_user.auth, "X-Request-ID": "the-same"}
    changing = {"date", "ratelimit", "x-cache"}
    get, head = (client.request(method, path, headers=headers) for method in ("GET", "HEAD"))
    assert head.status_code == get.status_code
    assert head.content == b""
    assert int(head.headers["Content-Length"]) == len(get.content)
    assert {name: value for name, value in head.headers.items() if name not in changing} == {
        name: value for name, value in get.headers.items() if name not in changing
    }


def test_the_connection_can_be_reused_after_head(service: Service) -> None:
    """The response to HEAD has no body, so the next response on the connection is readable."""
    head = b"HEAD /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    response = exchange(service, head + last)
    first, _, second = response.partition(b"\r\n\r\n")
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
def test_a_missing_path_gets_404_and_no_redirect(client: httpx2.Client, path: str) -> None:
    """Each path has one spelling. A path with an additional slash does not exist."""
    for method in ("GET", "POST", "DELETE"):
        response = client.request(method, path)
        problem(response, 404, "not-found")
        assert "Location" not in response.headers


@pytest.mark.parametrize(
    "path",
    [
        "/problems/x",
        "/problems/%00",
        "/problems/static/page.html",
        "/docs/nothing",
        "/docs/swagger-ui-bundle.js.map",
    ],
)
def test_a_missing_page_gets_404(client: httpx2.Client, path: str) -> None:
    """A path that matches the path template of a page, but names no page, gets 404."""
    problem(client.get(path), 404, "not-found")


@pytest.mark.parametrize("path", ["/livez%0A", "/api/users/me%0A", "/api/auth/login%0A"])
def test_a_newline_at_the_end_of_a_path_gets_404(
    client: httpx2.Client, shared_user: Account, path: str
) -> None:
    """No route may match, although `$` in a regular expression also matches before the newline."""
    problem(client.get(path, headers=shared_user.auth), 404, "not-found")


@pytest.mark.parametrize(
    "path",
    ["/api%2Fusers", "/api%2fusers/me", "/api/users%2Fme", "/api/users%2fme", "/%2Fapi/users/me",
     "/api/users/me%2F", "/api/users/%2Fme", "/problems%2Fnot-found", "/problems/a%252Fb",
     "/problems/a%2Fb", "/docs/%2Fstart.js"],
)  # fmt: skip
def test_an_encoded_slash_is_not_a_path_separator(
    client: httpx2.Client, shared_user: Account, path: str
) -> None:
    """RFC 3986, section 2.2. The 404 is sent even while the path with a plain slash is cached."""
    for _ in range(3):
        assert client.get("/api/users/me", headers=shared_user.auth).status_code == 200
        for method in ("GET", "DELETE"):
            problem(client.request(method, path, headers=shared_user.auth), 404, "not-found")


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
def test_a_404_suggests_a_likely_path(client: httpx2.Client, path: str, advice: str) -> None:
    """The problem names the path template, and repeats nothing that the client sent."""
    for method in ("GET", "POST"):
        response = client.request(method, path)
        detail = problem(response, 404, "not-found")["detail"]
        assert detail.startswith(f"There is nothing here. {advice}")
        assert detail.endswith(".")
        assert "canary" not in response.text


@pytest.mark.parametrize("path", ["/nothing", "/api", "/api/nothing/", "/api/api/users", "/.env/"])
def test_a_404_without_a_likely_path_suggests_none(client: httpx2.Client, path: str) -> None:
    """The problem only advises to check the path and the id."""
    detail = problem(client.get(path), 404, "not-found")["detail"]
    assert detail == "There is nothing here. Check the path and the id."


@pytest.mark.parametrize("spelling", ["+{}", "{}.0", "%20{}", "{}%0A", "0{}", "{}%20"])
def test_an_id_has_one_spelling(client: httpx2.Client, shared_user: Account, spelling: str) -> None:
    """An id is digits without a leading zero, so caches and logs see one path for each id."""
    path = "/api/users/" + spelling.format(shared_user.id)
    assert client.get(path, headers=shared_user.auth).status_code in {404, 422}


def test_the_root_redirects_to_the_documentation(client: httpx2.Client) -> None:
    """A user who opens the base URL in a browser gets a page."""
    response = client.get("/")
    assert response.status_code == 303
    assert client.get(response.headers["Location"]).status_code == 200


def test_head_and_options_do_not_create_an_account(client: httpx2.Client) -> None:
    """Only POST creates an account."""
    body = signup_body()
    for method in ("HEAD", "OPTIONS"):
        client.request(method, "/api/users", json=body)
    login = {"email": body["email"], "password": PASSWORD}
    problem(client.post("/api/auth/login", json=login), 401, "bad-credentials")

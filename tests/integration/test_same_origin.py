"""With a cookie, which browsers send by themselves, only our own pages change anything."""

import re
from typing import Any

import httpx2
import pytest

from tests.accounts import Account
from tests.integration.signed_in import Browser, bearer, browser_of, me, signed_in
from tests.integration.wire import JSON, problem

HOST = "shop.example:8443"
HERE = f"http://{HOST}"
_UNSAFE = ("post", "put", "patch", "delete")
_SITES: list[list[str]] = [
    [],
    ["same-origin"],
    ["none"],
    ["same-site"],
    ["cross-site"],
    ["garbage"],
    [""],
    ["Same-Origin"],
    ["same-origin, same-origin"],
    ["same-origin", "same-origin"],
    ["same-origin", "cross-site"],
    ["cross-site", "none"],
]
_ORIGINS: list[list[str]] = [
    [],
    [HERE],
    [HERE.upper()],
    ["http://evil.example"],
    ["http://shop.example"],
    ["http://shop.example:80"],
    ["http://shop.example:8444"],
    [f"https://{HOST}"],
    [f"http://x.{HOST}"],
    [f"http://{HOST}.evil.example"],
    [f"http://evil.example@{HOST}"],
    [f"{HERE}/"],
    [HOST],
    ["null"],
    [""],
    [HERE, HERE],
    [HERE, "http://evil.example"],
    ["http://evil.example", HERE],
    [f"{HERE} http://evil.example"],
]


@pytest.fixture(scope="module")
def browser(client: httpx2.Client, somebody: Account) -> Browser:
    """A browser that stays signed in."""
    return browser_of(client, somebody)


@pytest.fixture(scope="module")
def routes(client: httpx2.Client) -> dict[str, list[str]]:
    """Every path of the service, with its methods."""
    paths: dict[str, Any] = client.get("/openapi.json").json()["paths"]
    return {re.sub("{.*?}", "1", path): list(methods) for path, methods in paths.items()}


def _try(
    client: httpx2.Client, cookie: dict[str, str], *headers: tuple[str, str], host: str = HOST
) -> httpx2.Response:
    """Ask for a change that is refused in any case, a little later than by its origin."""
    sent = [("Host", host), *cookie.items(), *headers, *JSON.items()]
    return client.post("/api/auth/refresh", content=b"{}", headers=sent)


def _refused(response: httpx2.Response) -> bool:
    if response.status_code == 403:
        problem(response, 403, "cross-site")
        return True
    problem(response, 422, "invalid-content")
    return False


@pytest.mark.parametrize("sites", _SITES, ids=str)
def test_sec_fetch_site_decides_and_without_it_origin(
    client: httpx2.Client, browser: Browser, sites: list[str]
) -> None:
    """The browser's word about itself, else that about the page; once, and exactly so."""
    for origins in _ORIGINS:
        headers = [("Sec-Fetch-Site", site) for site in sites]
        headers += [("Origin", origin) for origin in origins]
        by_site = sites in (["same-origin"], ["none"])
        by_origin = not sites and origins in ([HERE], [HERE.upper()])
        response = _try(client, browser.cookie, *headers)
        assert _refused(response) == (not by_site and not by_origin), origins  # check 20


@pytest.mark.parametrize(
    ("host", "origin", "scheme", "verdict"),
    [
        ("shop.example", "https://shop.example", "https", "free"),
        ("shop.example:443", "https://shop.example", "https", "free"),
        ("SHOP.example", "https://shop.example", "https", "free"),
        ("shop.example:8443", "https://shop.example:8443", "https", "free"),
        ("[::1]:8443", "https://[::1]:8443", "https", "free"),
        ("shop.example", "http://shop.example", "https", "refused"),
        ("shop.example:80", "https://shop.example", "https", "refused"),
        ("shop.example:8443", "https://shop.example", "https", "refused"),
        ("shop.example:80", "http://shop.example", "http", "free"),
        ("shop.example", "https://shop.example", "http", "refused"),
        ("shop.example:443", "http://shop.example", "http", "refused"),
        ("shop.example", "https://shop.example", "wss", "refused"),
        ("shop.example", "wss://shop.example", "ws", "refused"),
        ("shop.example", "http://shop.example", "gopher", "free"),
    ],
)
def test_behind_a_trusted_proxy_its_scheme_is_the_origins(
    client: httpx2.Client, browser: Browser, host: str, origin: str, scheme: str, verdict: str
) -> None:
    """The port that belongs to the scheme may be written out in Host."""
    headers = [("X-Forwarded-Proto", scheme), ("Origin", origin)]
    refused = _refused(_try(client, browser.cookie, *headers, host=host))
    assert refused == (verdict == "refused")  # check 20


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {"Origin": "null"}],
    ids=str,
)
def test_every_change_is_refused_and_nothing_changed(
    client: httpx2.Client,
    somebody: Account,
    browser: Browser,
    routes: dict[str, list[str]],
    headers: dict[str, str],
) -> None:
    """On every path that there is, with every method that is not safe."""
    paths = {**routes, somebody.url: ["patch", "delete"], "/nothing": ["post"]}
    paths[f"/api/auth/sessions/{browser.session_id}"] = ["delete"]
    paths["/api/users"] = ["propfind", "trace"]
    for path, methods in paths.items():
        for method in {*_UNSAFE, *methods} - {"get"}:
            response = client.request(
                method.upper(),
                path,
                content=b"{}",
                headers={**JSON, **browser.cookie, **headers, "If-Match": "*"},
            )
            problem(response, 403, "cross-site")  # check 20
            assert "Set-Cookie" not in response.headers
    after = me(client, browser.cookie)
    assert after.headers["ETag"] == somebody.etag  # check 20


def test_reading_is_free(
    client: httpx2.Client, browser: Browser, routes: dict[str, list[str]]
) -> None:
    """A link from another site leads here, signed in; SameSite=Lax would allow no less."""
    headers = {**browser.cookie, "Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}
    for path, methods in routes.items():
        for method in ("OPTIONS", *(["GET", "HEAD"] if "get" in methods else [])):
            response = client.request(method, path, headers=headers)
            assert response.status_code in {200, 204, 403, 404}, path
            assert "cross-site" not in response.text
            assert "Access-Control-Allow-Origin" not in response.headers  # check 37


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Origin": HERE}, 201),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_another_site_starts_no_cookie_session(
    client: httpx2.Client, somebody: Account, headers: dict[str, str], status: int
) -> None:
    """It would sign a browser in to an account of its own; a program says nothing of a site."""
    body = {"email": somebody.email, "password": somebody.password}
    sent = {"Host": HOST, **headers}
    response = client.post("/api/auth/session", json=body, headers=sent)
    assert response.status_code == status, response.text  # check 54
    assert ("Set-Cookie" in response.headers) == (status == 201)  # check 54


def test_an_ended_or_unknown_cookie_is_no_way_round(client: httpx2.Client) -> None:
    """What a browser sends is judged before anybody looks whose it is."""
    for value in ("", "x"):
        assert _refused(_try(client, {"Cookie": f"__Host-session={value}"}))  # check 20
    assert not _refused(_try(client, {"Cookie": "other=x"}, ("Sec-Fetch-Site", "cross-site")))


def test_bearer_tokens_are_exempt_even_beside_a_cookie(
    client: httpx2.Client, somebody: Account, browser: Browser
) -> None:
    """No browser adds them by itself; the cookie beside one is not looked at."""
    evil = {"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}
    tokens = signed_in(client, somebody)
    both = {**tokens.auth, **browser.cookie, **evil}
    response = client.post("/api/auth/logout", headers=both)
    assert response.status_code == 204  # check 20
    problem(client.post("/api/auth/logout", headers=both), 401, "invalid-token")
    problem(client.post("/api/auth/logout", headers={**both, **bearer("x")}), 401, "invalid-token")
    assert me(client, browser.cookie).status_code == 200


@pytest.mark.parametrize("authorization", ["Basic dTpw", "", "x", "Negotiate abc"])
def test_other_credentials_that_a_browser_may_add_exempt_nothing(
    client: httpx2.Client, browser: Browser, authorization: str
) -> None:
    """Of these a browser sends some by itself."""
    headers = [("Authorization", authorization), ("Sec-Fetch-Site", "cross-site")]
    assert _refused(_try(client, browser.cookie, *headers))  # check 20

"""With a session cookie, only pages of this service may send changes."""

import re
from typing import Any

import httpx2
import pytest

from tests.accounts import Account
from tests.integration.signed_in import Browser, bearer, browser_of, me, signed_in
from tests.integration.wire import JSON, problem

HOST = "shop.example:8443"
OWN_ORIGIN = f"http://{HOST}"
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
    [OWN_ORIGIN],
    [OWN_ORIGIN.upper()],
    ["http://evil.example"],
    ["http://shop.example"],
    ["http://shop.example:80"],
    ["http://shop.example:8444"],
    [f"https://{HOST}"],
    [f"http://x.{HOST}"],
    [f"http://{HOST}.evil.example"],
    [f"http://evil.example@{HOST}"],
    [f"{OWN_ORIGIN}/"],
    [HOST],
    ["null"],
    [""],
    [OWN_ORIGIN, OWN_ORIGIN],
    [OWN_ORIGIN, "http://evil.example"],
    ["http://evil.example", OWN_ORIGIN],
    [f"{OWN_ORIGIN} http://evil.example"],
]


@pytest.fixture(scope="module")
def browser(client: httpx2.Client, shared_user: Account) -> Browser:
    """A browser that stays signed in."""
    return browser_of(client, shared_user)


@pytest.fixture(scope="module")
def routes(client: httpx2.Client) -> dict[str, list[str]]:
    """Every path of the service with its methods."""
    paths: dict[str, Any] = client.get("/openapi.json").json()["paths"]
    return {re.sub("{.*?}", "1", path): list(methods) for path, methods in paths.items()}


def _send_unsafe(
    client: httpx2.Client, cookie: dict[str, str], *headers: tuple[str, str], host: str = HOST
) -> httpx2.Response:
    """Send an unsafe request that gets 422 unless it is refused because of its origin."""
    sent = [("Host", host), *cookie.items(), *headers, *JSON.items()]
    return client.post("/api/auth/refresh", content=b"{}", headers=sent)


def _is_refused(response: httpx2.Response) -> bool:
    if response.status_code == 403:
        problem(response, 403, "cross-site")
        return True
    problem(response, 422, "invalid-content")
    return False


@pytest.mark.parametrize("sites", _SITES, ids=str)
def test_sec_fetch_site_decides_or_else_the_origin(
    client: httpx2.Client, browser: Browser, sites: list[str]
) -> None:
    """If Sec-Fetch-Site is sent, it decides. Otherwise, Origin decides.

    The header that decides must be sent once, with an allowed value. The case of letters makes a
    difference in Sec-Fetch-Site, but not in Origin.
    """
    for origins in _ORIGINS:
        headers = [("Sec-Fetch-Site", site) for site in sites]
        headers += [("Origin", origin) for origin in origins]
        by_site = sites in (["same-origin"], ["none"])
        by_origin = not sites and origins in ([OWN_ORIGIN], [OWN_ORIGIN.upper()])
        response = _send_unsafe(client, browser.cookie, *headers)
        assert _is_refused(response) == (not by_site and not by_origin), origins  # check 20


@pytest.mark.parametrize(
    ("host", "origin", "scheme", "expected"),
    [
        ("shop.example", "https://shop.example", "https", "allowed"),
        ("shop.example:443", "https://shop.example", "https", "allowed"),
        ("SHOP.example", "https://shop.example", "https", "allowed"),
        ("shop.example:8443", "https://shop.example:8443", "https", "allowed"),
        ("[::1]:8443", "https://[::1]:8443", "https", "allowed"),
        ("shop.example", "http://shop.example", "https", "refused"),
        ("shop.example:80", "https://shop.example", "https", "refused"),
        ("shop.example:8443", "https://shop.example", "https", "refused"),
        ("shop.example:80", "http://shop.example", "http", "allowed"),
        ("shop.example", "https://shop.example", "http", "refused"),
        ("shop.example:443", "http://shop.example", "http", "refused"),
        ("shop.example", "https://shop.example", "wss", "refused"),
        ("shop.example", "wss://shop.example", "ws", "refused"),
        ("shop.example", "http://shop.example", "gopher", "allowed"),
    ],
)
def test_behind_a_trusted_proxy_the_origin_has_the_proxys_scheme(
    client: httpx2.Client, browser: Browser, host: str, origin: str, scheme: str, expected: str
) -> None:
    """Host may contain the default port of the scheme."""
    headers = [("X-Forwarded-Proto", scheme), ("Origin", origin)]
    refused = _is_refused(_send_unsafe(client, browser.cookie, *headers, host=host))
    assert refused == (expected == "refused")  # check 20


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {"Origin": "null"}],
    ids=str,
)
def test_every_unsafe_cross_site_request_is_refused(
    client: httpx2.Client,
    shared_user: Account,
    browser: Browser,
    routes: dict[str, list[str]],
    headers: dict[str, str],
) -> None:
    """Every path refuses every unsafe method, and the account is not changed."""
    paths = {**routes, shared_user.url: ["patch", "delete"], "/nothing": ["post"]}
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
    assert after.headers["ETag"] == shared_user.etag  # check 20


def test_cross_site_reads_are_allowed(
    client: httpx2.Client, browser: Browser, routes: dict[str, list[str]]
) -> None:
    """A link from another site must work while the user is signed in."""
    headers = {**browser.cookie, "Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}
    for path, methods in routes.items():
        for method in ("OPTIONS", *(["GET", "HEAD"] if "get" in methods else [])):
            response = client.request(method, path, headers=headers)
            # A GET of /graphql without a query gets 400.
            assert response.status_code in {200, 204, 400, 403, 404}, path
            assert "cross-site" not in response.text
            assert "Access-Control-Allow-Origin" not in response.headers  # check 37


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Origin": OWN_ORIGIN}, 201),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_another_site_cannot_start_a_cookie_session(
    client: httpx2.Client, shared_user: Account, headers: dict[str, str], status: int
) -> None:
    """The other site could sign a user in to the attacker's account.

    A request with neither Sec-Fetch-Site nor Origin is allowed: it comes from a program that is
    not a browser.
    """
    body = {"email": shared_user.email, "password": shared_user.password}
    sent = {"Host": HOST, **headers}
    response = client.post("/api/auth/session", json=body, headers=sent)
    assert response.status_code == status, response.text  # check 54
    assert ("Set-Cookie" in response.headers) == (status == 201)  # check 54


def test_an_unknown_session_cookie_is_checked_too(client: httpx2.Client) -> None:
    """The origin is checked before the session of the cookie is looked up."""
    for value in ("", "x"):
        assert _is_refused(_send_unsafe(client, {"Cookie": f"__Host-session={value}"}))  # check 20
    assert not _is_refused(
        _send_unsafe(client, {"Cookie": "other=x"}, ("Sec-Fetch-Site", "cross-site"))
    )


def test_requests_with_a_bearer_token_are_exempt_even_with_a_cookie(
    client: httpx2.Client, shared_user: Account, browser: Browser
) -> None:
    """Browsers never add a bearer token on their own. With the token, the cookie is ignored."""
    cross_site = {"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}
    tokens = signed_in(client, shared_user)
    both = {**tokens.auth, **browser.cookie, **cross_site}
    response = client.post("/api/auth/logout", headers=both)
    assert response.status_code == 204  # check 20
    problem(client.post("/api/auth/logout", headers=both), 401, "invalid-token")
    problem(client.post("/api/auth/logout", headers={**both, **bearer("x")}), 401, "invalid-token")
    assert me(client, browser.cookie).status_code == 200


@pytest.mark.parametrize("authorization", ["Basic dTpw", "", "x", "Negotiate abc"])
def test_other_authorization_schemes_are_not_exempt(
    client: httpx2.Client, browser: Browser, authorization: str
) -> None:
    """Browsers send credentials of some of these schemes on their own."""
    headers = [("Authorization", authorization), ("Sec-Fetch-Site", "cross-site")]
    assert _is_refused(_send_unsafe(client, browser.cookie, *headers))  # check 20

"""Calls from pages of other origins: only listed ones may read, and nobody with a cookie."""

import secrets
from typing import Any

import httpx2
import pytest

from tests.accounts import Account, sign_up, signup_body
from tests.conftest import StartService
from tests.integration.wire import SECURITY_HEADERS, problem

_LISTED = "https://app.example.com"
_LOCAL = "http://localhost:5173"
_READABLE = {"etag", "location", "link", "x-request-id", "ratelimit", "ratelimit-policy",
             "retry-after", "x-cache", "idempotency-replayed"}  # fmt: skip
_SENT = {"authorization", "if-match", "if-none-match", "idempotency-key", "content-type"}


@pytest.fixture(scope="module")
def open_service(start_service: StartService) -> httpx2.Client:
    """A service that lists two origins."""
    return start_service(CORS_ORIGINS=f"{_LISTED}, {_LOCAL}").client


@pytest.fixture(scope="module")
def caller(open_service: httpx2.Client) -> Account:
    """Somebody who calls from a page."""
    return sign_up(open_service)


def _preflight(
    client: httpx2.Client, path: str, method: str = "GET", origin: str = _LISTED
) -> httpx2.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return client.options(path, headers=headers)


def _permissions(response: httpx2.Response) -> dict[str, str]:
    return {
        name: value for name, value in response.headers.items() if name.startswith("access-control")
    }


def _listed(value: str) -> set[str]:
    return {name.strip().lower() for name in value.split(",")}


@pytest.mark.parametrize("origin", [_LISTED, _LOCAL])
def test_a_page_of_a_listed_origin_may_read_the_response(
    open_service: httpx2.Client, caller: Account, origin: str
) -> None:
    """The origin is named, never `*`, with the headers that scripts may read."""
    response = open_service.get("/api/users/me", headers={**caller.auth, "Origin": origin})
    assert response.status_code == 200
    permissions = _permissions(response)
    assert permissions["access-control-allow-origin"] == origin
    assert _listed(permissions["access-control-expose-headers"]) == _READABLE
    assert len(permissions) == 2
    assert response.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/users", "GET, HEAD, OPTIONS, POST"),
        ("/api/users/1", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("/api/auth/login", "OPTIONS, POST"),
    ],
)
def test_a_preflight_says_what_may_be_sent(
    open_service: httpx2.Client, path: str, methods: str
) -> None:
    """The methods of the path, and the request headers of the contract."""
    response = _preflight(open_service, path, "PATCH")
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["Allow"] == methods
    permissions = _permissions(response)
    assert permissions["access-control-allow-origin"] == _LISTED
    assert permissions["access-control-allow-methods"] == methods
    assert _listed(permissions["access-control-allow-headers"]) == _SENT
    assert int(permissions["access-control-max-age"]) > 0
    assert len(permissions) == 4
    for name, value in SECURITY_HEADERS.items():
        assert response.headers[name] == value


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "*", "", "http://app.example.com", "https://app.example.com:8443",
     "https://app.example.com/", "https://APP.example.com", "https://app.example.com.evil.example",
     "https://evilapp.example.com", "https://sub.app.example.com", "localhost:5173"],
)  # fmt: skip
def test_any_other_origin_gets_nothing(
    open_service: httpx2.Client, caller: Account, origin: str
) -> None:
    """Neither for a call nor for a preflight; origins are compared as they are."""
    called = open_service.get("/api/users/me", headers={**caller.auth, "Origin": origin})
    asked = _preflight(open_service, "/api/users/me", origin=origin)
    refused = open_service.get("/nothing", headers={"Origin": origin})
    for response in (called, asked, refused):
        assert not _permissions(response)  # check 37
        assert response.headers["Vary"] == "Origin"
    assert (called.status_code, asked.status_code) == (200, 204)


def test_two_origins_get_nothing(open_service: httpx2.Client) -> None:
    """No browser sends that."""
    headers = [("Origin", _LISTED), ("Origin", _LOCAL)]
    assert not _permissions(open_service.get("/livez", headers=headers))  # check 37


def test_nothing_is_allowed_by_default(client: httpx2.Client) -> None:
    """Without CORS_ORIGINS nothing depends on the Origin header."""
    for response in (
        client.get("/livez", headers={"Origin": _LISTED}),
        _preflight(client, "/livez"),
    ):
        assert not _permissions(response)  # check 37
        assert "Vary" not in response.headers


def test_a_page_can_read_problems(open_service: httpx2.Client) -> None:
    """Whatever refuses the request, the page gets to know why."""
    origin = {"Origin": _LISTED}
    calls: list[tuple[int, str, str, dict[str, Any]]] = [
        (401, "GET", "/api/users/me", {}),
        (404, "GET", "/nothing", {}),
        (405, "DELETE", "/livez", {}),
        (406, "GET", "/livez", {"headers": {"Accept": "text/html"}}),
        (413, "POST", "/api/users", {"content": b" " * 70_000}),
        (422, "POST", "/api/users", {"json": {}}),
    ]
    for status, method, path, options in calls:
        headers = {**origin, **options.pop("headers", {})}
        response = open_service.request(method, path, headers=headers, **options)
        assert response.status_code == status
        assert _permissions(response)["access-control-allow-origin"] == _LISTED


def test_a_preflight_for_a_path_that_is_not_there_allows_nothing(
    open_service: httpx2.Client,
) -> None:
    """The browser gets a 404, and asks no further."""
    response = _preflight(open_service, "/nothing")
    problem(response, 404, "not-found")
    assert "access-control-allow-methods" not in _permissions(response)


def test_preflights_are_not_counted(start_service: StartService) -> None:
    """A browser asks by itself: it does not use up the limits of the person in front of it."""
    limited = start_service(CORS_ORIGINS=_LISTED, RATE_LIMIT_DEFAULT="3/hour").client
    for _ in range(10):
        response = _preflight(limited, "/api/users/me")
        assert response.status_code == 204
        assert "RateLimit" not in response.headers
    origin = {"Origin": _LISTED}
    for _ in range(3):
        assert limited.get("/api/products", headers=origin).status_code == 200
    refused = limited.get("/api/products", headers=origin)
    problem(refused, 429, "too-many-requests")
    assert refused.headers["Retry-After"]
    assert _permissions(refused)["access-control-allow-origin"] == _LISTED
    assert _preflight(limited, "/api/users/me").status_code == 204


def test_a_cookie_is_never_allowed_across_origins(
    open_service: httpx2.Client, caller: Account
) -> None:
    """A browser hides a response to a call with cookies without `Allow-Credentials`."""
    credentials = {"email": caller.email, "password": caller.password}
    cookie = open_service.post("/api/auth/session", json=credentials).headers["Set-Cookie"]
    headers = {"Origin": _LISTED, "Cookie": cookie.partition(";")[0]}
    response = open_service.get("/api/users/me", headers=headers)
    assert "access-control-allow-credentials" not in _permissions(response)
    change = {**headers, "Sec-Fetch-Site": "cross-site"}
    problem(open_service.post("/api/auth/logout", headers=change), 403, "cross-site")


def test_an_answer_from_the_cache_names_the_origin_that_asks(open_service: httpx2.Client) -> None:
    """What one origin was told is not remembered for another, nor for a client without any."""
    for origin in (_LISTED, _LOCAL, _LISTED, None, _LOCAL):
        headers = {"Origin": origin} if origin else {}
        for _ in range(2):
            response = open_service.get("/api/products?limit=3", headers=headers)
            assert _permissions(response).get("access-control-allow-origin") == origin
            known = {**headers, "If-None-Match": response.headers["ETag"]}
            unchanged = open_service.get("/api/products?limit=3", headers=known)
            assert unchanged.status_code == 304
            assert _permissions(unchanged).get("access-control-allow-origin") == origin


def test_a_client_of_another_origin_signs_up_logs_in_and_changes_something(
    open_service: httpx2.Client,
) -> None:
    """Each step is a call that the preflight before it has allowed."""
    origin = {"Origin": _LISTED}
    body = signup_body(email=f"{secrets.token_hex(8)}@example.com")
    assert (
        "POST"
        in _permissions(_preflight(open_service, "/api/users", "POST"))[
            "access-control-allow-methods"
        ]
    )
    signup = open_service.post("/api/users", json=body, headers=origin)
    assert signup.status_code == 201
    login = {"email": body["email"], "password": body["password"]}
    token = open_service.post("/api/auth/login", json=login, headers=origin).json()["access_token"]
    changed = open_service.patch(
        signup.headers["Location"],
        json={"name": "Changed"},
        headers={
            **origin, "Authorization": f"Bearer {token}", "If-Match": signup.headers["ETag"]
        },
    )  # fmt: skip
    assert changed.status_code == 200
    assert _permissions(changed)["access-control-allow-origin"] == _LISTED

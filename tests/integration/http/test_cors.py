"""CORS: only pages of listed origins may read responses, and never with a cookie."""

from typing import Any

import httpx2
import pytest

from tests.accounts import Account, sign_up
from tests.conftest import StartService
from tests.integration.signed_in import browser_of
from tests.integration.wire import SECURITY_HEADERS, problem

_ORIGIN = "https://app.example.com"
_LOCAL_ORIGIN = "http://localhost:5173"
_EXPOSED_HEADERS = {"etag", "location", "link", "x-request-id", "ratelimit", "ratelimit-policy",
                    "retry-after", "x-cache", "idempotency-replayed"}  # fmt: skip
_ALLOWED_HEADERS = {"authorization", "if-match", "if-none-match", "idempotency-key", "content-type"}


@pytest.fixture(scope="module")
def open_service(start_service: StartService) -> httpx2.Client:
    """A service with two allowed origins."""
    return start_service(CORS_ORIGINS=f"{_ORIGIN}, {_LOCAL_ORIGIN}").client


@pytest.fixture(scope="module")
def caller(open_service: httpx2.Client) -> Account:
    """A user of the service with two allowed origins."""
    return sign_up(open_service)


def _preflight(
    client: httpx2.Client, path: str, method: str = "GET", origin: str = _ORIGIN
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


def _names_in(value: str) -> set[str]:
    return {name.strip().lower() for name in value.split(",")}


@pytest.mark.parametrize("origin", [_ORIGIN, _LOCAL_ORIGIN])
def test_a_page_of_a_listed_origin_may_read_the_response(
    open_service: httpx2.Client, caller: Account, origin: str
) -> None:
    """The response names the origin, never `*`, and the headers that scripts may read."""
    response = open_service.get("/api/users/me", headers={**caller.auth, "Origin": origin})
    assert response.status_code == 200
    permissions = _permissions(response)
    assert permissions["access-control-allow-origin"] == origin
    assert _names_in(permissions["access-control-expose-headers"]) == _EXPOSED_HEADERS
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
def test_a_preflight_lists_the_allowed_methods_and_headers(
    open_service: httpx2.Client, path: str, methods: str
) -> None:
    """The response lists the methods of the path, and the request headers of the contract."""
    response = _preflight(open_service, path, "PATCH")
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["Allow"] == methods
    permissions = _permissions(response)
    assert permissions["access-control-allow-origin"] == _ORIGIN
    assert permissions["access-control-allow-methods"] == methods
    assert _names_in(permissions["access-control-allow-headers"]) == _ALLOWED_HEADERS
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
def test_any_other_origin_gets_no_permission(
    open_service: httpx2.Client, caller: Account, origin: str
) -> None:
    """Requests and preflights get no permission. Origins are compared as exact strings."""
    response_to_get = open_service.get("/api/users/me", headers={**caller.auth, "Origin": origin})
    preflight = _preflight(open_service, "/api/users/me", origin=origin)
    refused = open_service.get("/nothing", headers={"Origin": origin})
    for response in (response_to_get, preflight, refused):
        assert not _permissions(response)  # check 37
        assert response.headers["Vary"] == "Origin"
    assert (response_to_get.status_code, preflight.status_code) == (200, 204)


def test_two_origin_headers_get_no_permission(open_service: httpx2.Client) -> None:
    """A browser never sends two Origin headers, so the service permits neither."""
    headers = [("Origin", _ORIGIN), ("Origin", _LOCAL_ORIGIN)]
    assert not _permissions(open_service.get("/livez", headers=headers))  # check 37


def test_nothing_is_allowed_by_default(client: httpx2.Client) -> None:
    """Without CORS_ORIGINS, no response depends on the Origin header."""
    for response in (
        client.get("/livez", headers={"Origin": _ORIGIN}),
        _preflight(client, "/livez"),
    ):
        assert not _permissions(response)  # check 37
        assert "Vary" not in response.headers


def test_a_page_can_read_problems(open_service: httpx2.Client) -> None:
    """A page of a listed origin can read why its request was refused."""
    origin = {"Origin": _ORIGIN}
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
        assert _permissions(response)["access-control-allow-origin"] == _ORIGIN


def test_a_preflight_for_a_missing_path_allows_nothing(open_service: httpx2.Client) -> None:
    """The browser gets a 404, and does not send the request."""
    response = _preflight(open_service, "/nothing")
    problem(response, 404, "not-found")
    assert "access-control-allow-methods" not in _permissions(response)


def test_preflights_do_not_count_towards_rate_limits(start_service: StartService) -> None:
    """Browsers send preflights on their own, so preflights must not use up the user's limit."""
    limited = start_service(CORS_ORIGINS=_ORIGIN, RATE_LIMIT_DEFAULT="3/hour").client
    for _ in range(10):
        response = _preflight(limited, "/api/users/me")
        assert response.status_code == 204
        assert "RateLimit" not in response.headers
    origin = {"Origin": _ORIGIN}
    for _ in range(3):
        assert limited.get("/api/products", headers=origin).status_code == 200
    refused = limited.get("/api/products", headers=origin)
    problem(refused, 429, "too-many-requests")
    assert refused.headers["Retry-After"]
    assert _permissions(refused)["access-control-allow-origin"] == _ORIGIN
    assert _preflight(limited, "/api/users/me").status_code == 204


def test_a_cookie_is_never_allowed_across_origins(
    open_service: httpx2.Client, caller: Account
) -> None:
    """Without `Allow-Credentials`, browsers hide responses to requests with cookies."""
    headers = {"Origin": _ORIGIN, **browser_of(open_service, caller).cookie}
    response = open_service.get("/api/users/me", headers=headers)
    assert "access-control-allow-credentials" not in _permissions(response)
    change = {**headers, "Sec-Fetch-Site": "cross-site"}
    problem(open_service.post("/api/auth/logout", headers=change), 403, "cross-site")


def test_a_cached_response_names_the_origin_of_its_request(open_service: httpx2.Client) -> None:
    """The permission of one origin is never sent to another, or to a client without an origin."""
    for origin in (_ORIGIN, _LOCAL_ORIGIN, _ORIGIN, None, _LOCAL_ORIGIN):
        headers = {"Origin": origin} if origin else {}
        for _ in range(2):
            response = open_service.get("/api/products?limit=3", headers=headers)
            assert _permissions(response).get("access-control-allow-origin") == origin
            conditional = {**headers, "If-None-Match": response.headers["ETag"]}
            unchanged = open_service.get("/api/products?limit=3", headers=conditional)
            assert unchanged.status_code == 304
            assert _permissions(unchanged).get("access-control-allow-origin") == origin

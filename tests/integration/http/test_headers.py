"""Headers that every response has."""

import re
from typing import Any

import httpx2
import pytest

from tests.accounts import Account, signup_body
from tests.integration.wire import JSON, SECURITY_HEADERS, exchange
from tests.service import Service

_KINDS: dict[str, tuple[int, str, str, dict[str, Any]]] = {
    "200": (200, "GET", "/api/users/me", {}),
    "200 without sign-in": (200, "GET", "/livez", {}),
    "200 for machines": (200, "GET", "/openapi.json", {}),
    "200 metrics": (200, "GET", "/metrics", {}),
    "204": (204, "OPTIONS", "/api/users", {}),
    "303": (303, "GET", "/", {}),
    "304": (304, "GET", "/api/users/me", {"headers": {"If-None-Match": "*"}}),
    "400": (400, "POST", "/api/users", {"content": b"{", "headers": JSON}),
    "401": (401, "GET", "/api/users/me", {"headers": {"Authorization": "Bearer x"}}),
    "403": (403, "GET", "/api/users", {}),
    "404": (404, "GET", "/api/users/4611686018427387904", {}),
    "404 unknown path": (404, "GET", "/nothing", {}),
    "405": (405, "PUT", "/api/users", {}),
    "406": (406, "GET", "/livez", {"headers": {"Accept": "text/html"}}),
    "409": (409, "POST", "/api/users", {"json": {}}),
    "413": (413, "POST", "/api/users", {"content": b" " * 70_000, "headers": JSON}),
    "415": (415, "POST", "/api/users", {"content": b"{}"}),
    "422": (422, "POST", "/api/users", {"json": {}}),
    "422 path": (422, "GET", "/api/users/0", {}),
    "428": (428, "DELETE", "/api/users/me", {}),
}


def _respond(client: httpx2.Client, account: Account, kind: str) -> httpx2.Response:
    status, method, path, options = _KINDS[kind]
    if kind == "409":
        options = {"json": signup_body(email=account.email)}
    if kind == "428":
        path = account.url
    headers = {**account.auth, **options.get("headers", {})}
    response = client.request(method, path, **{**options, "headers": headers})
    assert response.status_code == status, response.text
    return response


@pytest.mark.parametrize("kind", _KINDS)
def test_every_response_has_the_security_headers(
    client: httpx2.Client, shared_user: Account, kind: str
) -> None:
    """A response of any status has each security header once. No header names the software."""
    response = _respond(client, shared_user, kind)
    for name, value in SECURITY_HEADERS.items():
        assert response.headers.get_list(name) == [value]  # check 36
    assert "Strict-Transport-Security" not in response.headers  # check 36
    assert "Server" not in response.headers  # check 36
    assert "X-Powered-By" not in response.headers


@pytest.mark.parametrize("kind", _KINDS)
def test_hsts_is_sent_over_https_only(
    client: httpx2.Client, shared_user: Account, kind: str
) -> None:
    """If a trusted proxy reports that the client uses HTTPS, the response has the HSTS header."""
    client = httpx2.Client(base_url=client.base_url, headers={"X-Forwarded-Proto": "https"})
    with client:
        value = _respond(client, shared_user, kind).headers["Strict-Transport-Security"]
    age = re.match(r"max-age=(\d+)", value)
    assert age  # check 36
    assert int(age[1]) >= 31_536_000


@pytest.mark.parametrize(
    "path", ["/docs", "/problems", "/problems/not-found", "/problems/too-many-requests"]
)
def test_html_pages_have_a_strict_content_security_policy(client: httpx2.Client, path: str) -> None:
    """The policy forbids inline scripts and other origins."""
    response = client.get(path, headers={"Accept": "text/html"})
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    directives = dict(
        part.strip().partition(" ")[::2]
        for part in response.headers["Content-Security-Policy"].split(";")
    )
    assert "unsafe" not in response.headers["Content-Security-Policy"]  # check 36
    assert directives["default-src"] == "'none'"
    assert directives["frame-ancestors"] == "'none'"
    assert directives["base-uri"] == "'none'"
    assert "://" not in response.headers["Content-Security-Policy"]
    for name in ("X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Resource-Policy"):
        assert response.headers[name] == SECURITY_HEADERS[name]  # check 36


@pytest.mark.parametrize("request_id", ["a", "A-Za-z0-9._-", "x" * 128, "0b8c4e9e-3c6f-4f0e"])
def test_a_valid_request_id_is_kept(client: httpx2.Client, request_id: str) -> None:
    """The request id that the client sends is in the response header and in the problem."""
    for path in ("/livez", "/nothing"):
        response = client.get(path, headers={"X-Request-ID": request_id})
        assert response.headers.get_list("X-Request-ID") == [request_id]
    assert response.json()["request_id"] == request_id


@pytest.mark.parametrize(
    "request_id", ["", "x" * 129, "a b", "a/b", "a\tb", "é", "<b>", '"', "a,b", "%0A"]
)
def test_an_invalid_request_id_is_replaced(service: Service, request_id: str) -> None:
    """The service creates another id, so a client cannot inject text into logs and documents."""
    response = exchange(
        service,
        b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-ID: %b\r\n\r\n"
        % request_id.encode(),
    )
    found = re.search(rb"(?i)x-request-id: ([0-9a-f]{32})\r\n", response)
    assert found
    assert b'"request_id":"%b"' % found[1] in response


def test_problems_are_not_cached(client: httpx2.Client, shared_user: Account) -> None:
    """The next request for the same address may succeed, so a cached problem would be wrong."""
    for kind in ("401", "404", "404 unknown path", "405", "422"):
        assert _respond(client, shared_user, kind).headers["Cache-Control"] == "no-store"

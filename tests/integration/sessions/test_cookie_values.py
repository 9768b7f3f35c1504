"""Wrongly named and invalid cookies get 401. No session cookie is in a log line or a body."""

import httpx2
import psycopg
import pytest

from tests.accounts import Account
from tests.integration.signed_in import Browser, browser_of, me, set_times
from tests.integration.wire import access_log_line, exchange, log_with, raw_status
from tests.service import Service

SIGN_IN = "/api/auth/session"


@pytest.fixture(scope="module")
def browser(client: httpx2.Client, shared_user: Account) -> Browser:
    """A browser that stays signed in."""
    return browser_of(client, shared_user)


@pytest.mark.parametrize(
    "cookie",
    [b"", b"x", b"=", b"=x", b";;;", b"; ", b"__Host-session", b"a=b; __Host-session2=x",
     b"__host-session=GOOD", b"session=GOOD", b"a=__Host-session=GOOD"],
)  # fmt: skip
def test_a_request_without_a_cookie_of_this_name_is_not_signed_in(
    service: Service, browser: Browser, cookie: bytes
) -> None:
    """A cookie without a name or with another name is ignored. Names are case-sensitive."""
    response = _get_me(service, cookie.replace(b"GOOD", browser.value.encode()))
    assert raw_status(response) == 401
    assert b'"unauthenticated"' in response


@pytest.mark.parametrize(
    "value",
    [b"", b'""', b"x", b"GOODx", b" =GOOD", b"\xff\xfe", b"%00", b"\\000", b'"\\000"', b'"\\777"',
     b"x" * 8000, b"GOOD=", b"a=b", b"null", b"' OR 1=1", b"GOOD; __Host-session=x"],
)  # fmt: skip
def test_an_invalid_cookie_gets_401(service: Service, browser: Browser, value: bytes) -> None:
    """No value of the cookie makes the service fail."""
    cookie = b"__Host-session=" + value.replace(b"GOOD", browser.value.encode())
    response = _get_me(service, b"a=b; " + cookie)
    assert raw_status(response) == 401  # check 29
    assert b'"invalid-session"' in response


def _get_me(service: Service, cookie: bytes) -> bytes:
    head = b"GET /api/users/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: "
    return exchange(service, head + cookie + b"\r\n\r\n")


def test_no_log_line_contains_a_cookie(
    service: Service, client: httpx2.Client, ahmed: Account, database: psycopg.Connection
) -> None:
    """Neither the log nor a response body contains the cookie, whatever the response's status."""
    canary = browser_of(client, ahmed)
    calls: list[tuple[str, str, dict[str, str]]] = [
        ("GET", "/api/users/me", canary.auth),
        ("GET", f"/nothing?cookie={canary.value}", canary.auth),
        ("GET", f"/api/auth/sessions/{2**62}", canary.auth),
        ("POST", "/api/auth/logout", canary.cookie),
        ("PUT", "/api/auth/logout", canary.auth),
        ("POST", SIGN_IN, canary.auth),
        ("GET", "/api/auth/sessions?limit=0", canary.auth),
        ("GET", "/api/auth/sessions", {**canary.auth, "Accept": "text/html"}),
        ("GET", "/api/users/me", {**canary.auth, "Authorization": f"Bearer {canary.value}"}),
        ("GET", "/api/users/me", {**canary.auth, "X-Request-ID": f"{canary.value}/"}),
    ]
    responses = [client.request(method, path, headers=headers) for method, path, headers in calls]
    set_times(database, canary.session_id, expires_at="-1 s")
    gone = browser_of(client, ahmed, canary.auth)
    set_times(database, gone.session_id, expires_at="-1 s")
    responses.append(me(client, gone.auth))
    found = {response.status_code for response in responses}
    assert found == {200, 401, 403, 404, 405, 406, 422}
    log = log_with(service, *(response.headers["X-Request-ID"] for response in responses))
    for value in (canary.value, gone.value):
        assert value not in log  # check 38
        for response in responses:
            assert value not in response.text  # check 38


def test_the_log_line_of_a_request_with_a_cookie_has_the_user_id(
    service: Service, client: httpx2.Client, browser: Browser, shared_user: Account
) -> None:
    """The log line has the user id, as with a token. The response sets no new cookie."""
    response = me(client, browser.auth)
    assert "Set-Cookie" not in response.headers
    line = access_log_line(service, response.headers["X-Request-ID"])
    assert line["user_id"] == shared_user.id

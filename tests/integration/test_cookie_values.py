"""What is sent as a cookie: ours, somebody else's or garbage; and where none of it turns up."""

import httpx2
import psycopg
import pytest

from tests.accounts import Account
from tests.integration.signed_in import Browser, browser_of, me, move
from tests.integration.wire import exchange, log_lines, log_with, raw_status
from tests.service import Service

SIGN_IN = "/api/auth/session"


@pytest.fixture(scope="module")
def browser(client: httpx2.Client, somebody: Account) -> Browser:
    """A browser that stays signed in."""
    return browser_of(client, somebody)


@pytest.mark.parametrize(
    "cookie",
    [b"", b"x", b"=", b"=x", b";;;", b"; ", b"__Host-session", b"a=b; __Host-session2=x",
     b"__host-session=GOOD", b"session=GOOD", b"a=__Host-session=GOOD"],
)  # fmt: skip
def test_without_a_cookie_of_this_name_nobody_is_signed_in(
    service: Service, browser: Browser, cookie: bytes
) -> None:
    """Another name, another case, or no name at all: it is somebody else's cookie."""
    answer = _get_me(service, cookie.replace(b"GOOD", browser.value.encode()))
    assert raw_status(answer) == 401
    assert b'"unauthenticated"' in answer


@pytest.mark.parametrize(
    "value",
    [b"", b'""', b"x", b"GOODx", b" =GOOD", b"\xff\xfe", b"%00", b"\\000", b'"\\000"', b'"\\777"',
     b"x" * 8000, b"GOOD=", b"a=b", b"null", b"' OR 1=1", b"GOOD; __Host-session=x"],
)  # fmt: skip
def test_a_cookie_that_is_none_of_ours_gets_401(
    service: Service, browser: Browser, value: bytes
) -> None:
    """Nothing that is sent in its place makes the service stumble."""
    cookie = b"__Host-session=" + value.replace(b"GOOD", browser.value.encode())
    answer = _get_me(service, b"a=b; " + cookie)
    assert raw_status(answer) == 401  # check 29
    assert b'"invalid-session"' in answer


def _get_me(service: Service, cookie: bytes) -> bytes:
    head = b"GET /api/users/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: "
    return exchange(service, head + cookie + b"\r\n\r\n")


def test_no_log_line_has_a_cookie_whatever_came_of_it(
    service: Service,
    client: httpx2.Client,
    ahmed: Account,
    database: psycopg.Connection,
) -> None:
    """A canary driven through 2xx, 401, 403, 404, 405, 406 and 422."""
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
    answers = [client.request(method, path, headers=headers) for method, path, headers in calls]
    move(database, canary.session_id, expires_at="-1 s")
    gone = browser_of(client, ahmed, canary.auth)
    move(database, gone.session_id, expires_at="-1 s")
    answers.append(me(client, gone.auth))
    found = {answer.status_code for answer in answers}
    assert found == {200, 401, 403, 404, 405, 406, 422}
    log = log_with(service, *(answer.headers["X-Request-ID"] for answer in answers))
    for value in (canary.value, gone.value):
        assert value not in log  # check 38
        for answer in answers:
            assert value not in answer.text  # check 38


def test_a_cookies_line_in_the_log_says_who_asked(
    service: Service, client: httpx2.Client, browser: Browser, somebody: Account
) -> None:
    """As with a token: the user's id, nothing of the cookie."""
    response = me(client, browser.auth)
    assert "Set-Cookie" not in response.headers
    (line,) = log_lines(service, response.headers["X-Request-ID"])
    assert line["user_id"] == somebody.id

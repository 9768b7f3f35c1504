"""Sessions end by logout, a new password, deletion or time. They do not depend on Redis."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx2
import psycopg
import pytest
from redis import Redis

from lab.stack.config.ports import free_port
from lab.stack.servers.valkey import ValkeyServer
from tests.accounts import Account
from tests.conftest import StartService
from tests.integration.faults import unavailable, wait_for_lock
from tests.integration.signed_in import (
    assert_tokens_refused,
    bearer,
    browser_of,
    me,
    refresh,
    set_times,
    signed_in,
    tokens_in,
)
from tests.integration.wire import problem, statuses

NEW_PASSWORD = "a quite different passphrase"


def test_logout_ends_only_the_current_session(client: httpx2.Client, shared_user: Account) -> None:
    """Both tokens of the session are refused at once. Other sessions continue."""
    tokens, other = signed_in(client, shared_user), signed_in(client, shared_user)
    newer = tokens_in(refresh(client, tokens.refresh))
    assert me(client, tokens.auth).status_code == 200
    response = client.post("/api/auth/logout", headers=tokens.auth)
    assert (response.status_code, response.content) == (204, b"")
    assert_tokens_refused(client, newer)  # check 17
    assert_tokens_refused(client, tokens)  # check 17
    again = client.post("/api/auth/logout", headers=tokens.auth)
    problem(again, 401, "invalid-token")
    problem(client.post("/api/auth/logout"), 401, "unauthenticated")
    tokens_in(refresh(client, other.refresh))


def test_two_concurrent_logouts_both_get_204(
    client: httpx2.Client, shared_user: Account, database_url: str
) -> None:
    """A double click sends two logouts. The session has ended, whichever request ended it."""
    tokens = signed_in(client, shared_user)
    assert me(client, tokens.auth).status_code == 200
    logout = partial(client.post, "/api/auth/logout", headers=tokens.auth)
    with ThreadPoolExecutor(2) as threads, psycopg.connect(database_url) as holder:
        holder.execute("SELECT 1 FROM sessions WHERE id = %s FOR UPDATE", [tokens.session_id])
        responses = [threads.submit(logout) for _ in range(2)]
        wait_for_lock(holder, waiting=2)
        holder.rollback()
        assert statuses(response.result() for response in responses) == {204: 2}
    assert_tokens_refused(client, tokens)  # check 17


def test_a_new_password_and_deletion_end_refresh_tokens_and_cookies(
    client: httpx2.Client, ahmed: Account
) -> None:
    """The session that changed the password continues until the deletion."""
    mine, other = signed_in(client, ahmed), signed_in(client, ahmed)
    browser = browser_of(client, ahmed)
    assert me(client, browser.auth).status_code == 200
    body = {"current_password": ahmed.password, "new_password": NEW_PASSWORD}
    changed = client.put(f"{ahmed.url}/password", json=body, headers=mine.auth)
    assert changed.status_code == 204
    assert_tokens_refused(client, other)  # check 9, check 17
    problem(me(client, browser.auth), 401, "invalid-session")  # check 9, check 17
    mine = tokens_in(refresh(client, mine.refresh))
    gone = client.delete(ahmed.url, headers={**mine.auth, "If-Match": "*"})
    assert gone.status_code == 204
    assert_tokens_refused(client, mine)  # check 17


def test_a_session_ends_when_it_is_unused_for_a_week(
    client: httpx2.Client, shared_user: Account, database: psycopg.Connection
) -> None:
    """After a week without use, tokens and cookie are refused. A minute earlier, they are valid."""
    tokens, browser = signed_in(client, shared_user), browser_of(client, shared_user)
    for session in (tokens.session_id, browser.session_id):
        set_times(database, session, last_used_at="-7 days")
    assert_tokens_refused(client, tokens)  # check 23
    problem(me(client, browser.auth), 401, "invalid-session")  # check 23
    for session in (tokens.session_id, browser.session_id):
        set_times(database, session, last_used_at="-6 days -23:59")
    assert me(client, browser.auth).status_code == 200
    tokens_in(refresh(client, tokens.refresh))


def test_a_request_or_refresh_restarts_the_idle_time(
    client: httpx2.Client, shared_user: Account, database: psycopg.Connection
) -> None:
    """A request and a refresh both update the time of last use."""
    tokens, browser = signed_in(client, shared_user), browser_of(client, shared_user)
    for session in (tokens.session_id, browser.session_id):
        set_times(database, session, last_used_at="-6 days")
    assert me(client, browser.auth).status_code == 200
    tokens_in(refresh(client, tokens.refresh))
    rows = database.execute(
        "SELECT last_used_at > now() - interval '10 s' FROM sessions WHERE id = ANY(%s)",
        [[tokens.session_id, browser.session_id]],
    )
    assert rows.fetchall() == [(True,), (True,)]  # check 23


def test_no_use_extends_the_absolute_lifetime(
    client: httpx2.Client, shared_user: Account, database: psycopg.Connection
) -> None:
    """A session ends 30 days after the sign-in, however often it was used and refreshed."""
    tokens, browser = signed_in(client, shared_user), browser_of(client, shared_user)
    query = "SELECT expires_at, created_at FROM sessions WHERE id = %s"
    before = database.execute(query, [tokens.session_id]).fetchone()
    assert before is not None
    assert (before[0] - before[1]).total_seconds() == pytest.approx(30 * 24 * 3600, abs=10)
    newer = tokens_in(refresh(client, tokens.refresh))
    assert database.execute(query, [tokens.session_id]).fetchone() == before  # check 23
    for session in (tokens.session_id, browser.session_id):
        set_times(database, session, expires_at="0 s")
    assert_tokens_refused(client, newer)  # check 23
    problem(me(client, browser.auth), 401, "invalid-session")  # check 23


def test_sessions_do_not_depend_on_redis(
    client: httpx2.Client, start_service: StartService, valkey: ValkeyServer, shared_user: Account
) -> None:
    """Ended sessions stay ended after a FLUSHALL, and sessions work without Redis."""
    other = start_service(REDIS_URL=valkey.url).client
    tokens, browser = signed_in(other, shared_user), browser_of(other, shared_user)
    for headers in (tokens.auth, browser.auth):
        assert other.post("/api/auth/logout", headers=headers).status_code == 204
    with Redis.from_url(valkey.url) as redis:
        redis.flushall()
    for process in (other, client):
        assert_tokens_refused(process, tokens)  # check F10
        problem(me(process, browser.auth), 401, "invalid-session")  # check F10
    valkey.stop()
    tokens, browser = signed_in(other, shared_user), browser_of(other, shared_user)
    tokens = tokens_in(refresh(other, tokens.refresh))  # check F8
    for headers in (tokens.auth, browser.auth):
        listed = other.get("/api/auth/sessions", headers=headers)
        assert listed.status_code == 200  # check F8
        assert other.post("/api/auth/logout", headers=headers).status_code == 204
    assert_tokens_refused(other, tokens)  # check F8


def test_without_postgres_sign_in_and_logout_get_503(
    start_service: StartService, shared_user: Account
) -> None:
    """The published keys are still available."""
    url = f"postgresql://unused:unused@127.0.0.1:{free_port()}/unused"
    alone = start_service(DATABASE_URL=url).client
    cookie = {"Cookie": "__Host-session=x", "Sec-Fetch-Site": "none"}
    unavailable(refresh(alone, "x"), "unavailable")  # check F1
    for headers in (shared_user.auth, cookie):
        unavailable(me(alone, headers), "unavailable")  # check F1
        unavailable(alone.post("/api/auth/logout", headers=headers), "unavailable")
    for path in ("/api/auth/login", "/api/auth/session"):
        body = {"email": shared_user.email, "password": shared_user.password}
        unavailable(alone.post(path, json=body), "unavailable")
    problem(me(alone, bearer("x")), 401, "invalid-token")
    assert alone.get("/.well-known/jwks.json").status_code == 200

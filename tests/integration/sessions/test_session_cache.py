"""A process caches a session for less than a second, or until the process ends the session."""

import hashlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx2
import psycopg
import pytest

from tests.accounts import Account
from tests.conftest import StartService
from tests.integration.faults import wait_for_lock
from tests.integration.proxy import Delay, PostgresProxy, proxy_to
from tests.integration.signed_in import Browser, Tokens, browser_of, me, set_times, signed_in
from tests.integration.wire import at_once, problem, statuses

Session = Tokens | Browser
_TIMEOUT_SECONDS = 10


@pytest.fixture(scope="module")
def proxied(database_url: str) -> Iterator[tuple[PostgresProxy, str]]:
    """A proxy to the database that can delay a reply, and the URL through it."""
    with proxy_to(database_url) as proxied:
        yield proxied


@pytest.fixture(scope="module")
def slow(start_service: StartService, proxied: tuple[PostgresProxy, str]) -> httpx2.Client:
    """An HTTP client of another process, which connects to the database through the proxy."""
    return start_service(DATABASE_URL=proxied[1]).client


def _refused_within_a_second(client: httpx2.Client, session: Session, ended: float) -> None:
    # The requests of this loop must not prolong the time for which the session is cached.
    while me(client, session.auth).status_code != 401:
        assert time.monotonic() < ended + 1  # check 17


def test_a_cached_session_needs_no_query(
    client: httpx2.Client, shared_user: Account, other_user: Account, database_url: str
) -> None:
    """The sessions table is locked, and requests with a cached session still succeed."""
    cached_sessions: list[Session] = [
        signed_in(client, shared_user),
        browser_of(client, shared_user),
    ]
    uncached = signed_in(client, other_user)
    with ThreadPoolExecutor(1) as threads, psycopg.connect(database_url) as holder:
        for session in cached_sessions:
            assert me(client, session.auth).status_code == 200
        holder.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
        for _ in range(3):
            for session in cached_sessions:
                started = time.monotonic()
                assert me(client, session.auth).status_code == 200
                assert time.monotonic() < started + 0.5
        waiting = threads.submit(me, client, uncached.auth)
        wait_for_lock(holder)
        holder.rollback()
        assert waiting.result().status_code == 200


def test_no_session_is_cached_for_longer_than_a_second(
    client: httpx2.Client, shared_user: Account, database: psycopg.Connection
) -> None:
    """A session that is ended in the database is refused within a second."""
    sessions: list[Session] = [signed_in(client, shared_user), browser_of(client, shared_user)]
    for session in sessions:
        assert me(client, session.auth).status_code == 200
    ids = [session.session_id for session in sessions]
    database.execute("DELETE FROM sessions WHERE id = %s", ids[:1])
    set_times(database, ids[1], expires_at="0 s")
    ended = time.monotonic()
    for session in sessions:
        _refused_within_a_second(client, session, ended)  # check 17


def test_a_missing_session_is_not_cached(
    client: httpx2.Client, shared_user: Account, database: psycopg.Connection
) -> None:
    """A refusal has no effect on later requests."""
    tokens = signed_in(client, shared_user)
    set_times(database, tokens.session_id, expires_at="0 s")
    problem(me(client, tokens.auth), 401, "invalid-token")
    set_times(database, tokens.session_id, expires_at="1 h")
    assert me(client, tokens.auth).status_code == 200


def test_a_lookup_in_progress_does_not_restore_an_ended_session(
    slow: httpx2.Client, proxied: tuple[PostgresProxy, str], shared_user: Account
) -> None:
    """If a session ends while a query reads it, the session is not cached afterwards."""
    browser, other = browser_of(slow, shared_user), signed_in(slow, shared_user)
    # The message to PostgreSQL contains the hash even if the statement is already prepared.
    delay = proxied[0].delay = Delay(hashlib.sha256(browser.value.encode()).digest())
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(me, slow, browser.auth)
        try:
            assert delay.answered.wait(_TIMEOUT_SECONDS)
            # `other` sends this request: a request of `browser` would wait for the same reply.
            _end(slow, shared_user, browser, other, "delete")
        finally:
            proxied[0].delay = None
            delay.released.set()
        # The request began before the end of the session, so both responses are correct.
        assert waiting.result().status_code in {200, 401}
    problem(me(slow, browser.auth), 401, "invalid-session")  # check 17


def _end(
    client: httpx2.Client, shared_user: Account, browser: Browser, other: Tokens, action: str
) -> None:
    if action == "logout":
        response = client.post("/api/auth/logout", headers=browser.auth)
        assert response.status_code == 204
    elif action == "delete":
        path = f"/api/auth/sessions/{browser.session_id}"
        assert client.delete(path, headers=other.auth).status_code == 204
    else:
        browser_of(client, shared_user, browser.auth)


@pytest.mark.parametrize("action", ["logout", "delete", "replace"])
def test_an_ended_session_is_refused_by_every_process_within_a_second(
    client: httpx2.Client, slow: httpx2.Client, shared_user: Account, action: str
) -> None:
    """The process that has ended the session refuses it at once."""
    browser, other = browser_of(client, shared_user), signed_in(client, shared_user)
    for process in (client, slow):
        assert me(process, browser.auth).status_code == 200
    _end(client, shared_user, browser, other, action)
    ended = time.monotonic()
    problem(me(client, browser.auth), 401, "invalid-session")  # check 17
    _refused_within_a_second(slow, browser, ended)  # check 17


def test_concurrent_requests_of_one_session_all_succeed(
    client: httpx2.Client, shared_user: Account, database: psycopg.Connection
) -> None:
    """The time of last use is due for an update, and no request fails because of this."""
    tokens = signed_in(client, shared_user)
    set_times(database, tokens.session_id, last_used_at="-2 minutes")
    assert statuses(at_once([partial(me, client, tokens.auth)] * 30)) == {200: 30}

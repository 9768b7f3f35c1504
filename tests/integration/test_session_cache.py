"""Who is signed in is remembered for less than a second, and forgotten when it ends."""

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
from tests.integration.proxy import Delay, Wire, wire_to
from tests.integration.signed_in import (
    Browser,
    Tokens,
    browser_of,
    me,
    move,
    signed_in,
)
from tests.integration.wire import at_once, problem, statuses

Session = Tokens | Browser
PATIENCE = 10


@pytest.fixture(scope="module")
def wire(database_url: str) -> Iterator[tuple[Wire, str]]:
    """A wire to the database that can be held up."""
    with wire_to(database_url) as wire:
        yield wire


@pytest.fixture(scope="module")
def slow(start_service: StartService, wire: tuple[Wire, str]) -> httpx2.Client:
    """Speaks HTTP to another process, whose database is at the end of that wire."""
    return start_service(DATABASE_URL=wire[1]).client


def _refused_within_a_second(client: httpx2.Client, session: Session, ended: float) -> None:
    # Asking all the time does not make it last.
    while me(client, session.auth).status_code != 401:
        assert time.monotonic() < ended + 1  # check 17


def test_a_remembered_session_costs_no_query(
    client: httpx2.Client, somebody: Account, stranger: Account, database_url: str
) -> None:
    """Nobody can read the table, and still who has just asked may ask again."""
    known: list[Session] = [signed_in(client, somebody), browser_of(client, somebody)]
    unknown = signed_in(client, stranger)
    with ThreadPoolExecutor(1) as threads, psycopg.connect(database_url) as holder:
        for session in known:
            assert me(client, session.auth).status_code == 200
        holder.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
        for _ in range(3):
            for session in known:
                started = time.monotonic()
                assert me(client, session.auth).status_code == 200
                assert time.monotonic() < started + 0.5
        asking = threads.submit(me, client, unknown.auth)
        wait_for_lock(holder)
        holder.rollback()
        assert asking.result().status_code == 200


def test_nothing_is_remembered_longer_than_that(
    client: httpx2.Client, somebody: Account, database: psycopg.Connection
) -> None:
    """Whatever ends a session behind the process's back, it is noticed within a second."""
    sessions: list[Session] = [signed_in(client, somebody), browser_of(client, somebody)]
    for session in sessions:
        assert me(client, session.auth).status_code == 200
    ids = [session.session_id for session in sessions]
    database.execute("DELETE FROM sessions WHERE id = %s", ids[:1])
    move(database, ids[1], expires_at="0 s")
    ended = time.monotonic()
    for session in sessions:
        _refused_within_a_second(client, session, ended)  # check 17


def test_that_there_is_no_session_is_not_remembered(
    client: httpx2.Client, somebody: Account, database: psycopg.Connection
) -> None:
    """Whoever was refused too early is not refused longer for it."""
    tokens = signed_in(client, somebody)
    move(database, tokens.session_id, expires_at="0 s")
    problem(me(client, tokens.auth), 401, "invalid-token")
    move(database, tokens.session_id, expires_at="1 h")
    assert me(client, tokens.auth).status_code == 200


def test_a_lookup_under_way_does_not_bring_an_ended_session_back(
    slow: httpx2.Client, wire: tuple[Wire, str], somebody: Account
) -> None:
    """What the database said before the end is not remembered after it."""
    browser, other = browser_of(slow, somebody), signed_in(slow, somebody)
    # The hash is on the wire whether or not the statement was prepared before.
    delay = wire[0].delay = Delay(hashlib.sha256(browser.value.encode()).digest())
    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(me, slow, browser.auth)
        try:
            assert delay.answered.wait(PATIENCE)
            # From elsewhere: a request in this session would wait for the same answer.
            _end(slow, somebody, browser, other, "delete")
        finally:
            wire[0].delay = None
            delay.over.set()
        # It began before the end: either answer is right.
        assert asking.result().status_code in {200, 401}
    problem(me(slow, browser.auth), 401, "invalid-session")  # check 17


def _end(
    client: httpx2.Client, somebody: Account, browser: Browser, other: Tokens, way: str
) -> None:
    if way == "logout":
        response = client.post("/api/auth/logout", headers=browser.auth)
        assert response.status_code == 204
    elif way == "delete":
        path = f"/api/auth/sessions/{browser.session_id}"
        assert client.delete(path, headers=other.auth).status_code == 204
    else:
        browser_of(client, somebody, browser.auth)


@pytest.mark.parametrize("way", ["logout", "delete", "replace"])
def test_what_one_process_ends_is_refused_by_all_within_a_second(
    client: httpx2.Client, slow: httpx2.Client, somebody: Account, way: str
) -> None:
    """At once where it was ended, whichever way."""
    browser, other = browser_of(client, somebody), signed_in(client, somebody)
    for process in (client, slow):
        assert me(process, browser.auth).status_code == 200
    _end(client, somebody, browser, other, way)
    ended = time.monotonic()
    problem(me(client, browser.auth), 401, "invalid-session")  # check 17
    _refused_within_a_second(slow, browser, ended)  # check 17


def test_many_who_ask_at_once_are_all_answered(
    client: httpx2.Client, somebody: Account, database: psycopg.Connection
) -> None:
    """Nobody waits for a use to be noted that another request is noting."""
    tokens = signed_in(client, somebody)
    move(database, tokens.session_id, last_used_at="-2 minutes")
    assert statuses(at_once([partial(me, client, tokens.auth)] * 30)) == {200: 30}

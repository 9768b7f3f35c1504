"""Faults that tests cause in a server, and assertions about the service during them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2
import psycopg

from lab.stack.processes.waiting import wait_until
from lab.stack.servers.postgres import PostgresServer
from lab.stack.servers.server import Server
from tests.accounts import Account
from tests.integration.wire import problem


@contextmanager
def frozen(server: Server) -> Iterator[None]:
    """Stop every process of the server for the duration of the block."""
    assert server.processes, f"{server.name} does not run"
    server.freeze()
    try:
        yield
    finally:
        server.thaw()


def timed(call: Callable[[], httpx2.Response]) -> tuple[httpx2.Response, float]:
    """Make a call. Return the response and its duration in seconds."""
    started = time.perf_counter()
    return call(), time.perf_counter() - started


def unavailable(response: httpx2.Response, *codes: str) -> None:
    """Assert that the response is a 503 problem with a Retry-After.

    The problem's code must be one of `codes`, or by default `unavailable` or `deadline-exceeded`.
    """
    assert response.status_code == 503, response.text
    code = response.json()["code"]
    assert code in (codes or ("unavailable", "deadline-exceeded"))
    problem(response, 503, code)
    assert int(response.headers["Retry-After"]) >= 1


def wait_until_available(client: httpx2.Client, victim: Account, timeout_seconds: float) -> None:
    """Repeat a read of the account until it succeeds. Until then, accept only 503 problems."""
    deadline = time.monotonic() + timeout_seconds
    while (response := client.get(victim.url, headers=victim.auth)).status_code != 200:
        unavailable(response)
        assert time.monotonic() < deadline, "still unavailable after the timeout"
        time.sleep(0.05)


def connections(server: PostgresServer, state: str) -> int:
    """Return how many connections of the service have a state that matches a LIKE pattern."""
    with psycopg.connect(server.admin_url) as connection:
        ((count,),) = connection.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE application_name = 'roundtrip' AND state LIKE %s",
            [state],
        )
    return int(count)


def wait_for_end_of_transactions(database: psycopg.Connection) -> None:
    """Wait until no other connection to the database is in a transaction.

    PostgreSQL rolls a transaction back when it notices the loss of the connection. The client may
    have noticed the loss a moment earlier.
    """
    query = (
        "SELECT FROM pg_stat_activity WHERE datname = current_database() "
        "AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"
    )
    ended = wait_until(lambda: not database.execute(query).rowcount, timeout_s=5)
    assert ended, "a transaction does not end"


def wait_for_lock(holder: psycopg.Connection, waiting: int = 1) -> None:
    """Wait until `waiting` statements of the service wait for locks of this connection."""
    enough = wait_until(lambda: waiting_for_lock(holder) >= waiting, timeout_s=5)
    assert enough, "no statement waits for the lock"


def waiting_for_lock(holder: psycopg.Connection) -> int:
    """Return how many statements of the service wait for locks of this connection.

    A statement also counts if it waits for another statement that waits for this connection.
    """
    # Within a transaction, PostgreSQL caches pg_stat_activity at the first read. Without this
    # statement, every later read would return the same rows.
    holder.execute("SELECT pg_stat_clear_snapshot()")
    ((count,),) = holder.execute(
        "WITH RECURSIVE held AS (SELECT pg_backend_pid() AS pid UNION "
        "SELECT waiting.pid FROM pg_stat_activity waiting, held "
        "WHERE waiting.application_name = 'roundtrip' "
        "AND held.pid = ANY(pg_blocking_pids(waiting.pid))) SELECT count(*) - 1 FROM held"
    )
    return int(count)

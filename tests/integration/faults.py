"""How the tests mistreat a PostgreSQL server, and what they then expect of the service."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2
import psutil
import psycopg

from lab.stack.postgres import PostgresServer
from tests.accounts import Account
from tests.integration.wire import problem


def processes(server: PostgresServer) -> list[psutil.Process]:
    """The postmaster and everybody who works for it."""
    assert server.identity is not None
    postmaster = psutil.Process(server.identity.pid)
    return [postmaster, *postmaster.children(recursive=True)]


def send_signal(those: list[psutil.Process], number: signal.Signals) -> None:
    """Send it to each of them that still runs."""
    for process in those:
        if process.is_running():
            os.kill(process.pid, number)


@contextmanager
def frozen(server: PostgresServer) -> Iterator[None]:
    """Stop every process for the length of the block."""
    stopped = processes(server)
    send_signal(stopped, signal.SIGSTOP)
    try:
        yield
    finally:
        send_signal(stopped, signal.SIGCONT)


def timed(call: Callable[[], httpx2.Response]) -> tuple[httpx2.Response, float]:
    """Make a call, and say how many seconds it took."""
    started = time.perf_counter()
    return call(), time.perf_counter() - started


def unavailable(response: httpx2.Response, *codes: str) -> None:
    """Assert that this is a 503 problem that says when to come back."""
    assert response.status_code == 503, response.text
    code = response.json()["code"]
    assert code in (codes or ("unavailable", "deadline-exceeded"))
    problem(response, 503, code)
    assert int(response.headers["Retry-After"]) >= 1


def wait_until_well(client: httpx2.Client, victim: Account, patience: float) -> None:
    """Read the account until that works; only 503 problems meanwhile."""
    deadline = time.monotonic() + patience
    while (response := client.get(victim.url, headers=victim.auth)).status_code != 200:
        unavailable(response)
        assert time.monotonic() < deadline, "not well again in time"
        time.sleep(0.05)


def connections(server: PostgresServer, state: str) -> int:
    """Count the service's connections in states like this one."""
    with psycopg.connect(server.admin_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE application_name = 'roundtrip' AND state LIKE %s",
            [state],
        ).fetchone()
    assert row is not None
    return int(row[0])


def wait_for_lock(holder: psycopg.Connection, waiting: int = 1) -> None:
    """Wait until statements of the service wait for what this connection has locked.

    So many of them, of which each may wait for the one before it.
    """
    deadline = time.monotonic() + 5
    query = (
        "WITH RECURSIVE held AS (SELECT pg_backend_pid() AS pid UNION "
        "SELECT waiting.pid FROM pg_stat_activity waiting, held "
        "WHERE waiting.application_name = 'roundtrip' "
        "AND held.pid = ANY(pg_blocking_pids(waiting.pid))) SELECT count(*) - 1 FROM held"
    )
    while (holder.execute(query).fetchone() or (0,))[0] < waiting:
        assert time.monotonic() < deadline, "nobody waits for the lock"
        time.sleep(0.01)
        # Else the transaction goes on seeing the connections that were there when it first looked.
        holder.execute("SELECT pg_stat_clear_snapshot()")

"""A lock on a table of a server in a container, which makes a request or a migration slow."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from lab.stack.processes.waiting import wait_until

TIMEOUT_SECONDS = 30.0
# The limit if the lock cannot be ended, for example because a command of the test has failed.
MAXIMUM_LOCK_SECONDS = 60

RunSql = Callable[[str], str]
"""Runs a statement as the superuser, and returns the output of psql."""


@contextmanager
def locked_table(table: str, run_sql: RunSql) -> Iterator[None]:
    """Lock a table until the end of the block. Until then, all statements that use it wait.

    A statement of the service waits for at most 5 s, its own timeout.
    """
    lock = f"BEGIN; LOCK TABLE {table}; SELECT pg_sleep({MAXIMUM_LOCK_SECONDS})"
    held = _locks("granted AND mode = 'AccessExclusiveLock'", table)
    with ThreadPoolExecutor() as pool:
        # The result is ignored, because the end of its connection is an error for psql.
        pool.submit(run_sql, lock)
        try:
            _await_one(held, run_sql)
            yield
        finally:
            run_sql(f"SELECT pg_terminate_backend(pid) {held}")


def await_waiting_statement(table: str, run_sql: RunSql) -> None:
    """Wait until one statement waits for the lock on a table."""
    _await_one(_locks("NOT granted", table), run_sql)


def _locks(condition: str, table: str) -> str:
    return f"FROM pg_locks WHERE {condition} AND relation = '{table}'::regclass"


def _await_one(locks: str, run_sql: RunSql) -> None:
    count = f"SELECT count(*) {locks}"
    found = wait_until(lambda: run_sql(count) == "1", timeout_s=TIMEOUT_SECONDS)
    assert found, run_sql(f"SELECT * {locks}")

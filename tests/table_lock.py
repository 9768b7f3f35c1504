"""A lock on a table of a server in a container, which makes a request or a migration slow."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from lab.stack.processes.waiting import wait_until

TIMEOUT_SECONDS = 30.0
# The lock ends after this time if the test cannot end it, for example because a command failed.
MAXIMUM_LOCK_SECONDS = 60

RunSql = Callable[[str], str]
"""Runs a statement as the superuser, and returns the output of psql."""


@contextmanager
def locked_table(table: str, run_sql: RunSql) -> Iterator[None]:
    """Lock a table until the end of the block. Until then, all statements that use the table wait.

    A statement of the service waits for at most 5 s, which is the service's statement timeout.
    """
    lock = f"BEGIN; LOCK TABLE {table}; SELECT pg_sleep({MAXIMUM_LOCK_SECONDS})"
    held = _locks("granted AND mode = 'AccessExclusiveLock'", table)
    with ThreadPoolExecutor() as pool:
        # The result is ignored: when the lock's connection is ended below, psql reports an error.
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

"""Functions for the servers that tests put between a service and PostgreSQL."""

import psycopg

from lab.stack.processes.waiting import wait_until


def wait_for_answer(url: str) -> None:
    """Wait until a statement succeeds."""
    assert wait_until(lambda: _answers(url), timeout_s=20), f"nothing answers at {url}"


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            connection.execute("SELECT 1")
            return True
    except psycopg.OperationalError:
        return False

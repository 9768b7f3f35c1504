"""What the tests' own servers between a service and PostgreSQL share."""

from urllib.parse import urlsplit, urlunsplit

import psycopg

from lab.stack.ports import LOOPBACK
from lab.stack.processes.waiting import wait_until


def with_port(url: str, port: int) -> str:
    """Return the URL of the same database and role at another port of this machine."""
    parts = urlsplit(url)
    credentials = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{credentials}@{LOOPBACK}:{port}"))


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

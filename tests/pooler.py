"""PgBouncer in transaction mode between the services of the tests and PostgreSQL."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from lab.cluster import pooler as lab_pooler
from lab.cluster.pooler import ROLE_TIMEOUT_SECONDS, PoolerServer
from lab.cluster.programs import program
from lab.stack.errors import LabError
from tests.postgres import wait_for_answer

_SETTINGS = {
    # PgBouncer has fewer sessions in PostgreSQL than a service has connections to PgBouncer, so the
    # connections share the sessions.
    "default_pool_size": "5",
    "server_idle_timeout": "1",
}
_poolers_of_all_services: dict[str, "Pooler"] = {}
"""The pooler of a server, by the server's host and port."""


class Pooler:
    """A running PgBouncer in front of one server."""

    def __init__(self, process: PoolerServer) -> None:
        self.settings = process.service_settings

    def url(self, database_url: str) -> str:
        """Return the URL of the same database and role through the pooler."""
        return self.settings(database_url)["DATABASE_URL"]

    def forget(self, database_url: str) -> None:
        """End the sessions of a database, so that new sessions get the current settings."""
        with psycopg.connect(database_url, autocommit=True) as database:
            database.execute(
                # Each call returns when its session has ended, or after 5 s.
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        # Until the pooler notices that a session has ended, a statement can fail.
        wait_for_answer(self.url(database_url))


def pooled(settings: Mapping[str, str]) -> Mapping[str, str]:
    """Return the settings of a service. If all services use a pooler, add its URL.

    Two kinds of services keep their own URL: a service whose test sets `DATABASE_POOLER`, and a
    service whose statement timeout is shorter than the role's timeout, which the pooler uses.
    """
    url = settings.get("DATABASE_URL", "")
    pooler = _poolers_of_all_services.get(_server_of(url))
    timeout = float(settings.get("DATABASE_STATEMENT_TIMEOUT") or ROLE_TIMEOUT_SECONDS)
    if pooler is None or "DATABASE_POOLER" in settings or timeout < ROLE_TIMEOUT_SECONDS:
        return settings
    return {**settings, **pooler.settings(url)}


@contextmanager
def pooler_for_all_services(directory: Path, postgres_url: str) -> Iterator[None]:
    """Let all services that use this server use it through a pooler."""
    with running_pooler(directory, postgres_url) as pooler:
        set_timeouts(postgres_url, in_all_databases=True)
        _poolers_of_all_services[_server_of(postgres_url)] = pooler
        yield


def _server_of(url: str) -> str:
    return url.rpartition("@")[2].partition("/")[0]


@contextmanager
def running_pooler(directory: Path, url: str) -> Iterator[Pooler]:
    """Start PgBouncer in front of the server of this URL, for the role in the URL.

    If PgBouncer is not installed, skip the test.
    """
    try:
        program("pgbouncer")
    except LabError:
        pytest.skip("NO POOLER: install PgBouncer, for example with `apt install pgbouncer`.")
    server = urlsplit(url)
    users = {str(server.username): str(server.password)}
    process = PoolerServer(
        "PgBouncer", directory, server=lambda: f"port={server.port}", users=users,
        settings=_SETTINGS,
    )  # fmt: skip
    with process:
        pooler = Pooler(process)
        wait_for_answer(pooler.url(url))
        yield pooler


def set_timeouts(url: str, *, in_all_databases: bool = False) -> None:
    """Give the role of this URL the timeouts that a service behind a pooler needs."""
    with psycopg.connect(url, autocommit=True) as connection:
        target: sql.Composable = sql.Identifier(connection.info.user)
        if not in_all_databases:
            database = sql.Identifier(connection.info.dbname)
            target = sql.SQL("{} IN DATABASE {}").format(target, database)
        lab_pooler.set_timeouts(connection, target)

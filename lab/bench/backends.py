"""The benchmark's own PostgreSQL and Valkey, filled with the seeded shop."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from lab.cluster.pooler import PoolerServer, set_timeouts
from lab.http_client import send
from lab.seed.load import Loader
from lab.seed.people import PASSWORD, PEOPLE
from lab.stack.config.environment import service_environment
from lab.stack.config.ports import LOOPBACK
from lab.stack.config.secrets import signing_key
from lab.stack.errors import LabError
from lab.stack.servers.apps import migrate
from lab.stack.servers.postgres import PostgresServer
from lab.stack.servers.valkey import ValkeyServer

# Every request is counted in Valkey, as in production, but no client reaches this limit.
_UNREACHABLE_LIMIT: Final = "1000000000/minute"
_LIMITS: Final = ("SIGNUP", "LOGIN", "LOGIN_FAILURES", "PASSWORD", "MAIL", "DEFAULT")
_SERVICE_SETTINGS: Final = {
    **{f"RATE_LIMIT_{name}": _UNREACHABLE_LIMIT for name in _LIMITS},
    "ENVIRONMENT": "production",
    "LOG_FORMAT": "json",
    "SERVER_TIMING": "off",
    # No request exceeds this limit, because the figure "traced" needs a trace of every request.
    "TRACE_LIMIT": _UNREACHABLE_LIMIT,
    # Production requires a mail server. `make bench` runs no worker, so it sends no message.
    "SMTP_URL": "smtp://127.0.0.1:9?tls=off",
    "MAIL_FROM": "Roundtrip <benchmark@example.com>",
    "ACCOUNT_PAGES_URL": "https://example.com",
    # All measured requests use one access token, from the start of the benchmark.
    "TOKEN_LIFETIME": "86400",
    # The defaults of the service. The Fastify service has no defaults for these variables.
    "CACHE_LIFETIME": "60",
    "SESSION_IDLE_LIFETIME": "604800",
}


@dataclass(frozen=True)
class Backends:
    """PostgreSQL and Valkey, which run during the whole benchmark, and the ids of their data."""

    directory: Path
    postgres: PostgresServer
    valkey: ValkeyServer
    product_ids: list[int]
    user_id: int
    """The user who sends the requests."""
    key: str = field(default_factory=signing_key)

    def environment(self, **settings: str) -> Mapping[str, str]:
        """Return the environment of a process of the service, without the caller's settings."""
        return service_environment(
            database_url=settings.get("DATABASE_URL", self.postgres.url),
            redis_url=self.valkey.url,
            token_signing_key=self.key,
            environment={**_minimal_environment(), **_SERVICE_SETTINGS, **settings},
        )

    @contextmanager
    def pooler(self) -> Iterator[PoolerServer]:
        """Run a PgBouncer in front of PostgreSQL until the end of the block."""
        role = urlsplit(self.postgres.url)
        with PoolerServer(
            "PgBouncer",
            self.directory / "pooler",
            server=lambda: f"port={self.postgres.port}",
            users={str(role.username): str(role.password)},
            settings={},
        ) as pooler:
            yield pooler


@contextmanager
def running_backends(settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[Backends]:
    """Start the servers in a temporary directory, run the migrations, and fill the shop.

    `settings` are passed to PostgreSQL. Without settings, PostgreSQL is as durable as in
    production: an order is on the disk before its response is sent.
    """
    with TemporaryDirectory(prefix="roundtrip-bench-") as name:
        directory = Path(name)
        # If root runs the benchmark, PostgreSQL's user must be able to enter the directory.
        directory.chmod(0o755)
        postgres = PostgresServer(directory / "postgres", settings=settings)
        with postgres, ValkeyServer(directory / "valkey") as valkey:
            migrate({**_minimal_environment(), "DATABASE_URL": postgres.migrator_url})
            # A role behind a pooler needs timeouts. All measured processes use the same role.
            with psycopg.connect(postgres.url, autocommit=True) as connection:
                set_timeouts(connection, sql.Identifier(connection.info.user))
            yield _fill_shop(directory, postgres, valkey)
        postgres.remove()


def sign_in(port: int) -> str:
    """Log in over HTTP as the user who sends the requests. Return the access token."""
    response = send(
        "POST",
        f"http://{LOOPBACK}:{port}/api/auth/login",
        headers={"Content-Type": "application/json"},
        body=json.dumps({"email": PEOPLE[0].email, "password": PASSWORD}),
    )
    if response.status != HTTPStatus.OK:
        raise LabError(f"The login before the benchmark failed: {response.text}")
    return str(response.json()["access_token"])


def _fill_shop(directory: Path, postgres: PostgresServer, valkey: ValkeyServer) -> Backends:
    with psycopg.connect(postgres.migrator_url, autocommit=True) as connection:
        loader = Loader(connection)
        loader.add_products()
        loader.add_people()
        # With this stock, every order of the benchmark succeeds.
        connection.execute("UPDATE products SET stock = 2000000000")
        connection.execute("VACUUM ANALYZE products, users")
        ids = loader.ids()
    products = sorted(ids.products.values())
    return Backends(directory, postgres, valkey, products, ids.people[PEOPLE[0].email])


def _minimal_environment() -> dict[str, str]:
    # The caller's settings are left out: a forgotten RATE_LIMIT_DEFAULT or CACHE would distort all
    # figures.
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}

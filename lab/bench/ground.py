"""What the service stands on while it is measured: servers of its own, filled with a shop."""

import http.client
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, Final

import psycopg

from lab.seed.load import Loader
from lab.seed.people import PASSWORD, PEOPLE
from lab.stack.apps import migrate
from lab.stack.environment import service_environment
from lab.stack.errors import LabError
from lab.stack.ports import LOOPBACK
from lab.stack.postgres import PostgresServer
from lab.stack.secrets import signing_key
from lab.stack.valkey import ValkeyServer

# Every request is counted in Valkey, as in production; nobody ever reaches the limit.
_UNREACHED: Final = "1000000000/minute"
_LIMITS: Final = ("SIGNUP", "LOGIN", "LOGIN_FAILURES", "PASSWORD", "DEFAULT")
_SERVICE_SETTINGS: Final = {
    **{f"RATE_LIMIT_{name}": _UNREACHED for name in _LIMITS},
    "ENVIRONMENT": "production",
    "LOG_FORMAT": "json",
    "SERVER_TIMING": "off",
    # The figure "traced" is about requests that are all traced.
    "TRACE_LIMIT": _UNREACHED,
    # One signs in at the beginning only.
    "TOKEN_LIFETIME": "86400",
}


@dataclass(frozen=True)
class Ground:
    """PostgreSQL and Valkey that live as long as the benchmark, and what is in them."""

    directory: Path
    postgres: PostgresServer
    valkey: ValkeyServer
    product_ids: list[int]
    user_id: int
    """Who reads and buys."""
    key: str = field(default_factory=signing_key)

    def environment(self, **settings: str) -> Mapping[str, str]:
        """Return what a process of the service runs with; settings of the caller's stay out."""
        return service_environment(
            database_url=self.postgres.url,
            redis_url=self.valkey.url,
            token_signing_key=self.key,
            environment={**_neutral(), **_SERVICE_SETTINGS, **settings},
        )


@contextmanager
def prepared_ground(settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[Ground]:
    """Start the servers in a directory of their own, migrate, and fill the shop.

    PostgreSQL takes `settings`. Without them it is as durable as in production: an order is on the
    disk when it is answered.
    """
    with TemporaryDirectory(prefix="roundtrip-bench-") as name:
        directory = Path(name)
        # PostgreSQL's user has to reach it when root runs the benchmark.
        directory.chmod(0o755)
        postgres = PostgresServer(directory / "postgres", settings=settings)
        with postgres, ValkeyServer(directory / "valkey") as valkey:
            migrate({**_neutral(), "DATABASE_URL": postgres.url})
            yield _filled(directory, postgres, valkey)
        postgres.remove()


def sign_in(port: int) -> str:
    """Log in over HTTP as the one who reads and buys; the access token."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    body = json.dumps({"email": PEOPLE[0].email, "password": PASSWORD})
    connection.request("POST", "/api/auth/login", body, {"Content-Type": "application/json"})
    answer: dict[str, Any] = json.load(connection.getresponse())
    connection.close()
    if "access_token" not in answer:
        raise LabError(f"The login before the benchmark failed: {answer}")
    return str(answer["access_token"])


def _filled(directory: Path, postgres: PostgresServer, valkey: ValkeyServer) -> Ground:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        loader = Loader(connection)
        loader.add_products()
        loader.add_people()
        # What is measured is buying, not being sold out.
        connection.execute("UPDATE products SET stock = 2000000000")
        connection.execute("VACUUM ANALYZE products, users")
        ids = loader.ids()
    products = sorted(ids.products.values())
    return Ground(directory, postgres, valkey, products, ids.people[PEOPLE[0].email])


def _neutral() -> dict[str, str]:
    # Not the caller's own: a forgotten RATE_LIMIT_DEFAULT or CACHE would falsify every figure.
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}

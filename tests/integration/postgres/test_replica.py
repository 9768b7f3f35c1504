"""A read replica: it serves reads, and no client misses a write."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx2
import psycopg
import pytest

from lab.stack.processes.faults import freeze, thaw
from lab.stack.processes.waiting import wait_until
from lab.stack.servers.postgres import PostgresServer
from tests.accounts import Account, new_admin, sign_up
from tests.conftest import StartService
from tests.integration.postgres.standby import Standby, running_standby
from tests.integration.shop import edit, new_product, product_url
from tests.service import Service

pytestmark = pytest.mark.slow
_SETTLED_SECONDS = 3.2
"""After this time without a change, data may be read from the replica."""


@pytest.fixture(scope="module")
def standby(postgres: PostgresServer, scratch: Path) -> Iterator[Standby]:
    """The replica of the server."""
    with running_standby(postgres, scratch / "replica") as standby:
        yield standby


@pytest.fixture(scope="module")
def pair(
    start_service: StartService, postgres: PostgresServer, standby: Standby
) -> tuple[Service, Service]:
    """Two processes of the service, with the replica."""
    settings = {"DATABASE_URL": postgres.url, "DATABASE_REPLICA_URL": standby.url(postgres.url)}
    first, second = (
        start_service(**settings, REDIS_KEY_PREFIX="replica", CACHE_LIFETIME="1") for _ in range(2)
    )
    return first, second


@pytest.fixture(scope="module")
def admin(pair: tuple[Service, Service], postgres: PostgresServer) -> Account:
    """An administrator of the pair."""
    return new_admin(pair[0].client, postgres.superuser_url)


def _read_until(client: httpx2.Client, path: str, condition: Callable[[], bool]) -> bool:
    """Read until the condition is true. A cached read expires after a second."""

    def read() -> bool:
        assert client.get(path).status_code == 200
        return condition()

    return wait_until(read, timeout_s=15)


def test_reads_of_settled_data_reach_the_replica(
    pair: tuple[Service, Service], admin: Account, postgres: PostgresServer, standby: Standby
) -> None:
    """A product that has not changed for some seconds is loaded from the replica."""
    path = product_url(new_product(pair[0].client, admin))
    before = standby.statements(postgres.superuser_url)
    assert _read_until(
        pair[1].client, path, lambda: standby.statements(postgres.superuser_url) > before
    )


@contextmanager
def _paused(standby: Standby, postgres: PostgresServer) -> Iterator[None]:
    with psycopg.connect(standby.url(postgres.superuser_url), autocommit=True) as connection:
        connection.execute("SELECT pg_wal_replay_pause()")
        yield
        connection.execute("SELECT pg_wal_replay_resume()")


@contextmanager
def _frozen(standby: Standby, _: PostgresServer) -> Iterator[None]:
    freeze(standby.process)
    yield
    thaw(standby.process)


@pytest.mark.parametrize("stopping", [_paused, _frozen])
def test_while_the_replica_stands_still_no_client_misses_a_write(
    pair: tuple[Service, Service], admin: Account, postgres: PostgresServer, standby: Standby,
    stopping: Callable[[Standby, PostgresServer], AbstractContextManager[None]],
) -> None:  # fmt: skip
    """For ten seconds, both processes show each change at once. No read fails."""
    products = [new_product(pair[0].client, admin) for _ in range(20)]
    names: dict[str, str] = {}
    time.sleep(_SETTLED_SECONDS)
    before = standby.statements(postgres.superuser_url)
    assert _read_until(
        pair[0].client,
        product_url(products[0]),
        lambda: standby.statements(postgres.superuser_url) > before,
    )
    with stopping(standby, postgres):
        # Each product changes once, and is read until the end of the block. By then, most of the
        # changes are older than _SETTLED_SECONDS.
        for number, product in enumerate(products):
            names[product_url(product)] = f"Name {number}"
            assert edit(pair[0].client, admin, product, name=f"Name {number}").status_code == 200
            for path, name in names.items():
                for service in pair:
                    read = service.client.get(path)
                    assert (read.status_code, read.json()["name"]) == (200, name)  # check F29
            time.sleep(0.5)
        assert sign_up(pair[1].client).email  # check F29


def test_without_its_replica_a_service_reads_from_the_primary(
    start_service: StartService, postgres: PostgresServer, admin: Account, pair: tuple[Service, ...]
) -> None:
    """No server listens at the URL of the replica."""
    path = product_url(new_product(pair[0].client, admin))
    replica = "postgresql://roundtrip:pw@127.0.0.1:1/roundtrip"
    client = start_service(DATABASE_URL=postgres.url, DATABASE_REPLICA_URL=replica).client
    time.sleep(_SETTLED_SECONDS)
    assert [client.get(path).status_code for _ in range(3)] == [200] * 3

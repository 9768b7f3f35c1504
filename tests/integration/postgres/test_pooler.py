"""The service behind a pooler in transaction mode: DATABASE_POOLER=transaction."""

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from lab.cluster.pooler import TIMEOUTS
from tests.accounts import new_admin, sign_up
from tests.conftest import NewDatabase, StartService, migrate
from tests.integration.shop import new_product, order
from tests.integration.wire import at_once, log_with, problem
from tests.mailbox import running_mailbox, running_worker
from tests.pooler import Pooler, running_pooler, set_timeouts
from tests.service import Service


@pytest.fixture(scope="module")
def pooler(postgres_url: str, scratch: Path) -> Iterator[Pooler]:
    """A pooler in front of the server of the tests."""
    with running_pooler(scratch / "pooler-of-a-module", postgres_url) as pooler:
        yield pooler


@pytest.fixture(scope="module")
def own_url(new_tables: NewDatabase) -> str:
    """A database of this module. Its role has the timeouts that a pooler needs."""
    url = new_tables()
    set_timeouts(url)
    return url


@pytest.fixture(scope="module")
def service(start_service: StartService, pooler: Pooler, own_url: str) -> Service:
    """A service that uses the pooler."""
    return start_service(**pooler.settings(own_url))


def test_more_requests_than_sessions_are_answered(service: Service, own_url: str) -> None:
    """Ten connections of the service share five sessions, in transactions and in single reads."""
    admin, buyer = new_admin(service.client, own_url), sign_up(service.client)
    product = new_product(service.client, admin, stock=1000)

    def shop(_: int) -> list[int]:
        placed = order(service.client, buyer, (product, 1))
        account = sign_up(service.client)
        read = service.client.get(account.url, headers=account.auth)
        listed = service.client.get(f"{buyer.url}/orders", headers=buyer.auth)
        return [placed.status_code, read.status_code, listed.status_code]

    with ThreadPoolExecutor(20) as threads:
        found = list(threads.map(shop, range(60)))
    assert found == [[201, 200, 200]] * 60  # check F25
    with psycopg.connect(own_url) as database:
        (row,) = database.execute("SELECT stock FROM products WHERE id = %s", [product["id"]])
        assert row == (940,)


@pytest.mark.parametrize("missing", TIMEOUTS)
def test_a_role_without_a_timeout_is_refused_and_the_log_says_what_to_run(
    start_service: StartService, pooler: Pooler, new_tables: NewDatabase, missing: str
) -> None:
    """A client cannot send timeouts to a pooler, so the role in PostgreSQL must have timeouts."""
    url = new_tables()
    set_timeouts(url)
    service = start_service(**pooler.settings(url), DATABASE_STATEMENT_TIMEOUT="6")
    assert service.client.get("/readyz").status_code == 200
    with psycopg.connect(url, autocommit=True) as database:
        # After RESET, the timeouts that the role may have in all databases would apply.
        name = database.info.dbname
        database.execute(f"ALTER ROLE postgres IN DATABASE {name} SET {missing} = 0")
    pooler.forget(url)
    service = start_service(**pooler.settings(url), DATABASE_STATEMENT_TIMEOUT="6")
    problem(service.client.get("/api/products"), 503, "unavailable")
    log = log_with(service, "The role needs settings. Run: ALTER ROLE")
    (command,) = {it.replace("\\", "") for it in re.findall(r"ALTER ROLE [^;]+;", log)}
    assert f"SET {missing} = '6000'" in command
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(command.encode())
    pooler.forget(url)
    assert service.client.get("/api/products").status_code == 200


def test_another_format_of_times_is_refused(
    start_service: StartService, pooler: Pooler, new_tables: NewDatabase
) -> None:
    """Psycopg reads only times in the format ISO."""
    url = new_tables()
    set_timeouts(url)
    with psycopg.connect(url, autocommit=True) as database:
        name = database.info.dbname
        database.execute(f"ALTER DATABASE {name} SET datestyle = 'SQL, DMY'")
    service = start_service(**pooler.settings(url))
    problem(service.client.get("/api/products"), 503, "unavailable")
    assert "SET \\\"DateStyle\\\" = 'ISO'" in log_with(service, "The role needs settings")


def test_a_worker_sends_messages(
    service: Service, pooler: Pooler, own_url: str, defaults: Mapping[str, str], tmp_path: Path
) -> None:
    """Without its own session, a worker gets no notification. So it looks for jobs each second."""
    settings = {**defaults, **pooler.settings(own_url)}
    with (
        running_mailbox() as mailbox,
        running_worker(tmp_path / "worker", {**settings, **mailbox.settings}),
    ):
        mailbox.wait_for(sign_up(service.client).email)


def test_concurrent_migrations_run_one_after_the_other(
    new_database: NewDatabase, pooler: Pooler
) -> None:
    """The lock of the migrations needs no session."""
    url = new_database()
    at_once([lambda: migrate(pooler.url(url))] * 2)  # check F25
    with psycopg.connect(url) as database:
        assert database.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)

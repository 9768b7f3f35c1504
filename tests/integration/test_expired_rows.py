"""Every process of the service deletes expired rows."""

import time
from collections.abc import Iterator

import psycopg
import pytest

from tests.accounts import new_admin, sign_up
from tests.conftest import NewDatabase, StartService, migrate
from tests.integration.shop import new_product, order
from tests.integration.wire import log_with

_EXPIRE = "UPDATE idempotency_keys SET expires_at = now() - interval '1 s'"


@pytest.fixture
def own_url(new_tables: NewDatabase) -> str:
    """A database of one test, in which no other service deletes rows."""
    return new_tables()


@pytest.fixture
def own_database(own_url: str) -> Iterator[psycopg.Connection]:
    """A connection to the database of this test."""
    with psycopg.connect(own_url, autocommit=True) as connection:
        yield connection


def _remaining_keys(database: psycopg.Connection) -> list[str]:
    return [key for (key,) in database.execute("SELECT key FROM idempotency_keys ORDER BY key")]


def _wait_for_keys(database: psycopg.Connection, keys: list[str]) -> None:
    deadline = time.monotonic() + 10
    while _remaining_keys(database) != keys:
        assert time.monotonic() < deadline, _remaining_keys(database)
        time.sleep(0.02)


def test_expired_rows_are_deleted_while_the_service_runs(
    own_url: str, own_database: psycopg.Connection, start_service: StartService
) -> None:
    """Rows that have not expired stay. The log has the number of deleted rows."""
    service = start_service(DATABASE_URL=own_url, SWEEP_INTERVAL="0.3")
    client = service.client
    admin, buyer = new_admin(client, own_url), sign_up(client)
    product = new_product(client, admin)
    for key in ("first", "second", "third"):
        assert order(client, buyer, (product, 1), key=key).status_code == 201
    time.sleep(0.5)
    assert _remaining_keys(own_database) == ["first", "second", "third"]
    own_database.execute(f"{_EXPIRE} WHERE key <> 'second'")
    _wait_for_keys(own_database, ["second"])
    log_with(service, "swept", '"idempotency_keys":2')
    # Live sessions stay. Sessions unused for a week are deleted with their spent refresh tokens.
    own_database.execute(
        "WITH unused AS (INSERT INTO sessions (user_id, cookie_hash, last_used_at, expires_at) "
        "SELECT %s, sha256(n::text::bytea), now() - interval '7 d', now() + interval '1 h' "
        "FROM generate_series(1, 2) n RETURNING id, cookie_hash) "
        "INSERT INTO spent_refresh_tokens SELECT cookie_hash, id FROM unused",
        [buyer.id],
    )
    log_with(service, '"sessions":2')  # check 23
    assert own_database.execute("SELECT 1 FROM spent_refresh_tokens").fetchone() is None
    # The orders stay.
    orders = client.get(f"{buyer.url}/orders", headers=buyer.auth).json()["items"]
    assert len(orders) == 3


@pytest.mark.slow
def test_two_processes_delete_many_expired_keys_together(
    own_url: str, own_database: psycopg.Connection, start_service: StartService
) -> None:
    """The processes delete several batches, and skip a locked row until its lock is released."""
    services = [start_service(DATABASE_URL=own_url, SWEEP_INTERVAL="0.3") for _ in range(2)]
    buyer = sign_up(services[0].client)
    own_database.execute(
        "INSERT INTO idempotency_keys SELECT %s, 'x', n, '', '', '', now() + interval '1 h' "
        "FROM generate_series(1, 2500) n",
        [buyer.id],
    )
    with psycopg.connect(own_url) as other:
        # With this lock, other transactions can change the row but not delete it.
        other.execute("SELECT 1 FROM idempotency_keys WHERE key = '7' FOR KEY SHARE")
        own_database.execute(_EXPIRE)
        _wait_for_keys(own_database, ["7"])
    _wait_for_keys(own_database, [])
    for service in services:
        assert "Traceback" not in service.log.read_text()


@pytest.mark.slow
def test_a_failed_sweep_is_repeated(new_database: NewDatabase, start_service: StartService) -> None:
    """If a release starts before its migration, its sweeps fail until the migration has run."""
    url = new_database()
    migrate(url, "upgrade", "0001")
    service = start_service(DATABASE_URL=url, SWEEP_INTERVAL="0.1")
    log_with(service, "sweep_failed")
    migrate(url)  # check F16
    log_with(service, "swept")
    assert service.client.get("/livez").status_code == 200

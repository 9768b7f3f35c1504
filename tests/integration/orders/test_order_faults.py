"""Orders during lost connections, failed commits and colliding transactions."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import psycopg
import pytest
from psycopg import sql

from tests.accounts import Account, new_admin, sign_up
from tests.conftest import NewDatabase, StartService
from tests.integration.faults import unavailable, wait_for_end_of_transactions, wait_for_lock
from tests.integration.proxy import Cut, PostgresProxy
from tests.integration.shop import move, new_product, order, placed, stock_of
from tests.service import Service


@pytest.fixture(scope="module")
def own_url(new_tables: NewDatabase) -> str:
    """A database that only this module uses. It detects a deadlock after 2 s."""
    url = new_tables()
    with psycopg.connect(url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET deadlock_timeout = '2s'").format(name))
    return url


@pytest.fixture(scope="module")
def proxy(proxied: tuple[PostgresProxy, str]) -> PostgresProxy:
    """A proxy to PostgreSQL, which can break a connection at a commit."""
    return proxied[0]


@pytest.fixture(scope="module")
def service(proxied: tuple[PostgresProxy, str], start_service: StartService) -> Service:
    """A service that connects through the proxy."""
    return start_service(DATABASE_URL=proxied[1])


@pytest.fixture(scope="module")
def client(service: Service) -> httpx2.Client:
    """An HTTP client of `service`."""
    return service.client


@pytest.fixture(scope="module")
def admin(client: httpx2.Client, own_url: str) -> Account:
    """An administrator of `service`."""
    return new_admin(client, own_url)


@pytest.fixture(scope="module")
def shared_buyer(client: httpx2.Client) -> Account:
    """A user who places orders in every test."""
    return sign_up(client)


@pytest.fixture
def buyer(shared_buyer: Account, own_database: psycopg.Connection) -> Account:
    """The shared buyer, without any orders."""
    own_database.execute("TRUNCATE orders, order_lines, idempotency_keys")
    return shared_buyer


def _count(database: psycopg.Connection, buyer: Account) -> tuple[int, int, int]:
    row = database.execute(
        "SELECT (SELECT count(*) FROM orders WHERE user_id = %(id)s), "
        "(SELECT count(*) FROM order_lines JOIN orders ON order_id = id WHERE user_id = %(id)s), "
        "(SELECT count(*) FROM idempotency_keys WHERE user_id = %(id)s)",
        {"id": buyer.id},
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1]), int(row[2])


@pytest.mark.parametrize(("cut", "survived"), [("command", 0), ("reply", 1), ("session", 1)])
def test_a_retry_after_a_connection_lost_at_the_commit_gives_one_order(
    client: httpx2.Client, admin: Account, buyer: Account, proxy: PostgresProxy,
    own_database: psycopg.Connection, cut: Cut, survived: int,
) -> None:  # fmt: skip
    """The outcome of the commit is unknown, so the client gets 503.

    A retry with the same key returns the order of the first request, or places the order.
    """
    product, key = new_product(client, admin), secrets.token_hex(8)
    proxy.cut = cut
    unavailable(order(client, buyer, (product, 2), key=key), "unavailable")  # check F3
    assert _count(own_database, buyer) == (survived,) * 3
    # As long as PostgreSQL has not noticed the loss, the key is in use, and a retry gets 409.
    wait_for_end_of_transactions(own_database)
    again = order(client, buyer, (product, 2), key=key)
    assert again.status_code == 201, again.text
    assert ("Idempotency-Replayed" in again.headers) == bool(survived)
    assert client.get(again.headers["Location"], headers=buyer.auth).content == again.content
    assert _count(own_database, buyer) == (1, 1, 1)  # check F3
    assert stock_of(client, product) == 8


def test_the_service_does_not_retry_an_order_with_an_unknown_outcome(
    client: httpx2.Client, admin: Account, buyer: Account, proxy: PostgresProxy,
    own_database: psycopg.Connection,
) -> None:  # fmt: skip
    """Without an idempotency key, a retry by the service could create a second order."""
    product = new_product(client, admin)
    proxy.cut = "reply"
    unavailable(order(client, buyer, (product, 1)), "unavailable")  # check F3
    assert _count(own_database, buyer) == (1, 1, 0)  # check F3
    assert stock_of(client, product) == 9


@pytest.mark.parametrize(("cut", "left", "status"), [("command", 8, 200), ("reply", 10, 412)])
def test_a_connection_lost_during_a_cancellation_restores_the_stock_once(
    client: httpx2.Client, admin: Account, buyer: Account, proxy: PostgresProxy,
    cut: Cut, left: int, status: int,
) -> None:  # fmt: skip
    """If the COMMIT is lost, a retry succeeds. If only its reply is lost, a retry gets 412."""
    product = new_product(client, admin)
    headers = placed(client, buyer, (product, 2)).headers
    url, etag = headers["Location"], headers["ETag"]
    proxy.cut = cut
    unavailable(move(client, buyer, url, "cancelled", etag), "unavailable")
    assert stock_of(client, product) == left
    assert move(client, buyer, url, "cancelled", etag).status_code == status
    assert stock_of(client, product) == 10


@contextmanager
def _failing_transactions(
    database: psycopg.Connection, code: str, times: int, timing: str
) -> Iterator[None]:
    database.execute("CREATE SEQUENCE failures")
    database.execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF nextval('failures') <= {times} THEN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; "
        "END IF; RETURN NEW; END $$"
    )
    database.execute(timing.format("FOR EACH ROW EXECUTE FUNCTION fail()"))
    try:
        yield
    finally:
        database.execute("DROP FUNCTION fail CASCADE")
        database.execute("DROP SEQUENCE failures")


_AT_INSERT = "CREATE TRIGGER fail BEFORE INSERT ON orders {}"
_AT_UPDATE = "CREATE TRIGGER fail BEFORE UPDATE ON orders {}"
_AT_COMMIT = (
    "CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED {}"
)


@pytest.mark.parametrize(("code", "status"), [("P0001", 500), ("23514", 500), ("57014", 503)])
def test_an_order_whose_commit_fails_is_not_placed(
    client: httpx2.Client, admin: Account, buyer: Account, own_database: psycopg.Connection,
    code: str, status: int,
) -> None:  # fmt: skip
    """The order, the stock and the key are rolled back, so the same request can succeed later."""
    product, key = new_product(client, admin), secrets.token_hex(8)
    with _failing_transactions(own_database, code, 1, _AT_COMMIT):
        response = order(client, buyer, (product, 1), key=key)
    assert response.status_code == status, response.text  # check F4
    assert _count(own_database, buyer) == (0, 0, 0)  # check F4
    assert stock_of(client, product) == 10  # check F4
    again = order(client, buyer, (product, 1), key=key)
    assert again.status_code == 201
    assert "Idempotency-Replayed" not in again.headers


@pytest.mark.parametrize("timing", [_AT_INSERT, _AT_COMMIT], ids=["insert", "commit"])
@pytest.mark.parametrize("code", ["40P01", "40001"])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_deadlocked_or_conflicting_transaction_is_tried_three_times(
    client: httpx2.Client, admin: Account, buyer: Account, own_database: psycopg.Connection,
    code: str, times: int, timing: str,
) -> None:  # fmt: skip
    """The whole transaction is repeated, so its changes are made once or not at all."""
    product, key = new_product(client, admin), secrets.token_hex(8)
    with _failing_transactions(own_database, code, times, timing):
        response = order(client, buyer, (product, 1), key=key)
        attempts = own_database.execute("SELECT last_value FROM failures").fetchone()
    assert attempts == (3 if times == 3 else times + 1,)  # check F6
    if times == 3:
        unavailable(response, "contended")  # check F6
    else:
        assert response.status_code == 201, response.text
    assert _count(own_database, buyer) == ((0, 0, 0) if times == 3 else (1, 1, 1))  # check F6
    assert stock_of(client, product) == (10 if times == 3 else 9)  # check F6


@pytest.mark.parametrize(("times", "status", "left"), [(2, 200, 10), (3, 503, 8)])
def test_a_cancellation_is_tried_three_times_too(
    client: httpx2.Client, admin: Account, buyer: Account, own_database: psycopg.Connection,
    times: int, status: int, left: int,
) -> None:  # fmt: skip
    """After two failures, the stock is restored once. After three failures, it is not restored."""
    product = new_product(client, admin)
    url = placed(client, buyer, (product, 2)).headers["Location"]
    with _failing_transactions(own_database, "40P01", times, _AT_UPDATE):
        assert move(client, buyer, url, "cancelled").status_code == status  # check F6
    assert stock_of(client, product) == left  # check F6


def test_an_order_succeeds_after_a_deadlock(
    client: httpx2.Client, admin: Account, buyer: Account, own_url: str
) -> None:
    """Another client locks the products in the opposite order. The service then tries again."""
    first, second = new_product(client, admin), new_product(client, admin)
    lock = "SELECT 1 FROM products WHERE id = %s FOR UPDATE"
    with psycopg.connect(own_url) as outside, ThreadPoolExecutor(1) as threads:
        # PostgreSQL ends the transaction that is first to check for a deadlock. With this
        # timeout, the first one is the transaction of the service.
        outside.execute("SET deadlock_timeout = '1min'")
        outside.execute(lock, [second["id"]])
        waiting = threads.submit(order, client, buyer, (second, 1), (first, 1))
        wait_for_lock(outside)
        outside.execute(lock, [first["id"]])
        outside.commit()
        assert waiting.result().status_code == 201, waiting.result().text  # check F6
    assert (stock_of(client, first), stock_of(client, second)) == (9, 9)

"""The time to list orders does not depend on the table's size, because indexes are used."""

import asyncio
import re
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.ext.asyncio import create_async_engine

from app.models import OrderStatus
from app.repositories.database import Database
from tests.accounts import Account, sign_up
from tests.conftest import NewDatabase, StartService
from tests.service import Service

_PARAMETER = re.compile(r"%\((\w+)\)s")
ORDERS_PER_USER = 50
BUYER_ID, FREQUENT_BUYER_ID, OTHER_ID = 1, 2, 7


# Disables the checks of foreign keys, which would take half of the time to insert rows.
_DISABLE_CHECKS = "SET session_replication_role = replica"
_USERS = """
    INSERT INTO users (name, email, password_hash, role)
    SELECT 'A', n || '@example.com', 'x', 'user'
    FROM generate_series((SELECT count(*) + 1 FROM users), %(users)s) n
"""
_PRODUCT = "INSERT INTO products (sku, name, price, stock) VALUES ('kettle', 'Kettle', 1, 1)"
_ORDERS = """
    INSERT INTO orders (user_id, status, total)
    SELECT CASE n %% 10 WHEN 7 THEN %(frequent)s ELSE 1 + n %% %(users)s END,
        (ARRAY['pending', 'paid', 'shipped', 'cancelled'])[1 + n / 7 %% 4], 1
    FROM generate_series(0, %(orders)s - 1) n
"""
_LINES = """
    INSERT INTO order_lines (order_id, position, product_id, name, quantity, unit_price)
    SELECT orders.id, 0, products.id, 'Kettle', 1, 1 FROM orders, products
"""


def _fill(url: str, orders: int) -> None:
    """Insert users, one product, and on average ORDERS_PER_USER orders for each user.

    Every tenth user gets no orders. FREQUENT_BUYER_ID gets these orders in addition to its own.
    """
    numbers = {"orders": orders, "users": orders // ORDERS_PER_USER, "frequent": FREQUENT_BUYER_ID}
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(_DISABLE_CHECKS)
        database.execute(_USERS, numbers)
        database.execute(_PRODUCT)
        database.execute(_ORDERS, numbers)
        database.execute(_LINES)
        database.execute("VACUUM ANALYZE")


@pytest.fixture(scope="module")
def full_url(new_tables: NewDatabase) -> str:
    """A database with 100,000 orders."""
    url = new_tables()
    _fill(url, 100_000)
    return url


@pytest.fixture(scope="module")
def full(full_url: str) -> Iterator[psycopg.Connection]:
    """A connection to the database with 100,000 orders, to plan statements."""
    with psycopg.connect(full_url, autocommit=True) as connection:
        yield connection


@dataclass(frozen=True)
class SentStatement:
    """A statement and its parameters, as the repository sent them."""

    statement: str
    parameters: dict[str, Any]


async def _listed(url: str, **arguments: Any) -> list[SentStatement]:
    sent: list[SentStatement] = []

    class RecordingCursor(psycopg.AsyncCursor[Any]):
        async def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
            # Statements of repositories are bytes. The engine's own query, for the version of the
            # server, is text. This query is not recorded.
            if isinstance(query, bytes):
                sent.append(SentStatement(query.decode(), params))
            return await super().execute(query, params, **options)

    engine = create_async_engine(
        url.replace("postgresql:", "postgresql+psycopg:"),
        connect_args={"autocommit": True, "cursor_factory": RecordingCursor},
        pool_reset_on_return=None,
    )
    async with Database(engine).reading() as tx:
        assert await tx.orders.list_for_user(**arguments)
    await engine.dispose()
    return sent


def _plans(database: psycopg.Connection, sent: SentStatement) -> list[str]:
    """Return the plans for these parameters (custom) and for any parameters (generic)."""
    return [_plan(database, sent, kind) for kind in ("custom", "generic")]


def _plan(database: psycopg.Connection, sent: SentStatement, kind: str) -> str:
    names = list(dict.fromkeys(_PARAMETER.findall(sent.statement)))
    numbered = _PARAMETER.sub(lambda match: f"${names.index(match[1]) + 1}", sent.statement)
    values = sql.SQL(", ").join(sql.Literal(sent.parameters[name]) for name in names)
    database.execute(f"SET plan_cache_mode = force_{kind}_plan".encode())
    database.execute(f"PREPARE listing AS {numbered}".encode())
    explain = sql.SQL("EXPLAIN EXECUTE listing ({})").format(values)
    lines = database.execute(explain).fetchall()
    database.execute("DEALLOCATE listing")
    return "\n".join(line for (line,) in lines)


@pytest.mark.parametrize("limit", [2, 21, 101])
@pytest.mark.parametrize("before", [None, 60_000, 2**62])
@pytest.mark.parametrize("status", [None, *OrderStatus])
def test_a_page_of_orders_is_an_index_scan(
    full_url: str,
    full: psycopg.Connection,
    status: OrderStatus | None,
    before: int | None,
    limit: int,
) -> None:
    """The query of orders uses an index and needs no sort, in custom and generic plans.

    Neither the query of orders nor the query of their lines needs a sequential scan.
    """
    listed = _listed(full_url, user_id=FREQUENT_BUYER_ID, before=before, limit=limit, status=status)
    listing, lines = asyncio.run(listed)
    index = "ix_orders_user_id_id" if status is None else "ix_orders_user_id_status_id"
    for plan in _plans(full, listing):
        assert f"Index Scan Backward using {index} on orders" in plan, plan
        assert "Seq Scan" not in plan, plan
        assert "Sort" not in plan, plan
    for plan in _plans(full, lines):
        assert "Seq Scan" not in plan, plan


@pytest.mark.parametrize("status", [None, OrderStatus.PAID])
def test_few_orders_are_found_by_an_index_too(
    full_url: str, full: psycopg.Connection, status: OrderStatus | None
) -> None:
    """If a page can hold all orders of a user, PostgreSQL may find them by an index and sort."""
    listed = _listed(full_url, user_id=OTHER_ID, before=None, limit=101, status=status)
    for sent in asyncio.run(listed):
        for plan in _plans(full, sent):
            assert "Seq Scan" not in plan, plan
            assert "Index Cond" in plan, plan


@pytest.fixture(scope="module")
def small_and_large(
    new_tables: NewDatabase, start_service: StartService
) -> list[tuple[Service, Account]]:
    """Services with 10,000 and with 1,000,000 orders. In each, the buyer has 50 orders."""
    services = []
    for orders in (10_000, 1_000_000):
        url = new_tables()
        service = start_service(DATABASE_URL=url)
        buyer = sign_up(service.client)
        assert buyer.id == BUYER_ID
        _fill(url, orders)
        services.append((service, buyer))
    return services


@pytest.mark.fuzz
@pytest.mark.parametrize("query", ["", "status=paid&", "cursor={}&", "status=paid&cursor={}&"])
def test_a_list_takes_no_longer_with_a_hundred_times_as_many_orders(
    small_and_large: list[tuple[Service, Account]], query: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both services are measured in turn. The ratio of their median times is at most 1.3."""
    urls = []
    for service, buyer in small_and_large:
        page = service.client.get(f"{buyer.url}/orders?limit=2", headers=buyer.auth).json()
        urls.append(f"{buyer.url}/orders?{query.format(page['next_cursor'])}limit=20")
        assert len(page["items"]) == 2
    seconds: list[list[float]] = [[], []]
    for _ in range(400):
        for (service, buyer), url, durations in zip(small_and_large, urls, seconds, strict=True):
            started = time.perf_counter()
            response = service.client.get(url, headers=buyer.auth)
            durations.append(time.perf_counter() - started)
            assert response.status_code == 200, response.text
    small, large = (statistics.median(durations) for durations in seconds)
    with capsys.disabled():
        figures = f"{small * 1000:.2f} ms of 10,000, {large * 1000:.2f} ms of 1,000,000"
        print(f"\n{query or 'plain'}: {figures}: {large / small:.2f} times")
    assert large / small <= 1.3

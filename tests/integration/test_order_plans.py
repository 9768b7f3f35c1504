"""Listing orders takes as long in a large table as in a small one: by indexes alone."""

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
from app.repositories.executor import Executor
from app.repositories.orders import OrderRepository
from tests.accounts import Account, sign_up
from tests.conftest import NewDatabase, StartService
from tests.service import Service

_PARAMETER = re.compile(r"%\((\w+)\)s")
EACH = 50
BUYER, REGULAR, SOMEBODY = 1, 2, 7


# Half of the time would go into looking up the rows that were made a moment ago.
_UNCHECKED = "SET session_replication_role = replica"
_USERS = """
    INSERT INTO users (name, email, password_hash, role)
    SELECT 'A', n || '@example.com', 'x', 'user'
    FROM generate_series((SELECT count(*) + 1 FROM users), %(users)s) n
"""
_PRODUCT = "INSERT INTO products (sku, name, price, stock) VALUES ('kettle', 'Kettle', 1, 1)"
_ORDERS = """
    INSERT INTO orders (user_id, status, total)
    SELECT CASE n %% 10 WHEN 7 THEN %(regular)s ELSE 1 + n %% %(users)s END,
        (ARRAY['pending', 'paid', 'shipped', 'cancelled'])[1 + n / 7 %% 4], 1
    FROM generate_series(0, %(orders)s - 1) n
"""
_LINES = """
    INSERT INTO order_lines (order_id, position, product_id, name, quantity, unit_price)
    SELECT orders.id, 0, products.id, 'Kettle', 1, 1 FROM orders, products
"""


def _fill(url: str, orders: int) -> None:
    """Put that many orders into the tables: of REGULAR a tenth, of everybody else `EACH`."""
    numbers = {"orders": orders, "users": orders // EACH, "regular": REGULAR}
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(_UNCHECKED)
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
    """A connection to it, which plans."""
    with psycopg.connect(full_url, autocommit=True) as connection:
        yield connection


@dataclass(frozen=True)
class Sent:
    """A statement as it was sent, and what was sent along."""

    statement: str
    parameters: dict[str, Any]


async def _listed(url: str, **arguments: Any) -> list[Sent]:
    sent: list[Sent] = []

    class Noting(psycopg.AsyncCursor[Any]):
        async def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
            # The first connection of an engine asks the server for its version, too.
            if isinstance(query, bytes):
                sent.append(Sent(query.decode(), params))
            return await super().execute(query, params, **options)

    engine = create_async_engine(
        url.replace("postgresql:", "postgresql+psycopg:"),
        connect_args={"autocommit": True, "cursor_factory": Noting},
        pool_reset_on_return=None,
    )
    async with Executor(engine, in_transaction=False, changed=set()) as executor:
        assert await OrderRepository(executor).list_for_user(**arguments)
    await engine.dispose()
    return sent


def _plans(database: psycopg.Connection, sent: Sent) -> list[str]:
    """Plan a statement for what was sent along with it, and for whatever may be."""
    return [_plan(database, sent, kind) for kind in ("custom", "generic")]


def _plan(database: psycopg.Connection, sent: Sent, kind: str) -> str:
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
def test_a_page_of_orders_is_a_walk_along_an_index(
    full_url: str,
    full: psycopg.Connection,
    status: OrderStatus | None,
    before: int | None,
    limit: int,
) -> None:
    """What the repository sends needs no sequential scan and no sort, however it is planned."""
    listed = _listed(full_url, user_id=REGULAR, before=before, limit=limit, status=status)
    listing, lines = asyncio.run(listed)
    index = "ix_orders_user_id_id" if status is None else "ix_orders_user_id_status_id"
    for plan in _plans(full, listing):
        assert f"Index Scan Backward using {index} on orders" in plan, plan
        assert "Seq Scan" not in plan, plan
        assert "Sort" not in plan, plan
    for plan in _plans(full, lines):
        assert "Seq Scan" not in plan, plan


@pytest.mark.parametrize("status", [None, OrderStatus.PAID])
def test_who_has_few_orders_has_them_found_by_an_index_too(
    full_url: str, full: psycopg.Connection, status: OrderStatus | None
) -> None:
    """Where all of them fit into the page, PostgreSQL may sort those few itself."""
    listed = _listed(full_url, user_id=SOMEBODY, before=None, limit=101, status=status)
    for sent in asyncio.run(listed):
        for plan in _plans(full, sent):
            assert "Seq Scan" not in plan, plan
            assert "Index Cond" in plan, plan


@pytest.fixture(scope="module")
def small_and_large(
    new_tables: NewDatabase, start_service: StartService
) -> list[tuple[Service, Account]]:
    """Two services, on tables of 10,000 and of 1,000,000 orders; a buyer with 50 in each."""
    made = []
    for orders in (10_000, 1_000_000):
        url = new_tables()
        service = start_service(DATABASE_URL=url)
        buyer = sign_up(service.client)
        assert buyer.id == BUYER
        _fill(url, orders)
        made.append((service, buyer))
    return made


@pytest.mark.fuzz
@pytest.mark.parametrize("query", ["", "status=paid&", "cursor={}&", "status=paid&cursor={}&"])
def test_a_hundred_times_as_many_orders_take_a_list_no_longer(
    small_and_large: list[tuple[Service, Account]], query: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not more than 1.3 times as long, by the median of many measured in turn."""
    urls = []
    for service, buyer in small_and_large:
        page = service.client.get(f"{buyer.url}/orders?limit=2", headers=buyer.auth).json()
        urls.append(f"{buyer.url}/orders?{query.format(page['next_cursor'])}limit=20")
        assert len(page["items"]) == 2
    seconds: list[list[float]] = [[], []]
    for _ in range(400):
        for (service, buyer), url, taken in zip(small_and_large, urls, seconds, strict=True):
            started = time.perf_counter()
            response = service.client.get(url, headers=buyer.auth)
            taken.append(time.perf_counter() - started)
            assert response.status_code == 200, response.text
    small, large = (statistics.median(taken) for taken in seconds)
    with capsys.disabled():
        figures = f"{small * 1000:.2f} ms of 10,000, {large * 1000:.2f} ms of 1,000,000"
        print(f"\n{query or 'plain'}: {figures}: {large / small:.2f} times")
    assert large / small <= 1.3

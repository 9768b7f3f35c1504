"""The reference for orders: nine SQL statements by psycopg in a bare loop.

The service sent these nine statements when it used an ORM session. They never change, even if the
service changes. So the ratio improves when the service sends fewer or faster statements.

This program runs on the server's processors, with DATABASE_URL:
`python -m lab.bench.references.order_loop SECONDS USER_ID PRODUCT_ID…`.
"""

import asyncio
import os
import random
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, Final

import psycopg
import uvloop
from psycopg import AsyncConnection

CONNECTIONS: Final = 10
"""The number of connections: the default size of the service's pool."""

_ROUTE: Final = "POST /api/users/{user_id}/orders"
_BODY: Final = b"{" + b" " * 417 + b"}"

_CLAIM: Final = (
    "SELECT pg_try_advisory_xact_lock(hashtextextended(%s::VARCHAR, %s::INTEGER))"
    " AS pg_try_advisory_xact_lock_1"
)
_STORED_RESPONSE: Final = (
    "SELECT idempotency_keys.user_id, idempotency_keys.route, idempotency_keys.key,"
    " idempotency_keys.request_hash, idempotency_keys.location, idempotency_keys.body,"
    " idempotency_keys.expires_at FROM idempotency_keys"
    " WHERE idempotency_keys.user_id = %s::BIGINT AND idempotency_keys.route = %s::VARCHAR"
    " AND idempotency_keys.key = %s::VARCHAR"
)
_LOCK_USER: Final = (
    "SELECT users.id FROM users WHERE users.id = %s::BIGINT AND users.erased_at IS NULL"
    " FOR KEY SHARE"
)
_TAKE_STOCK: Final = (
    "UPDATE products SET stock=(products.stock - %(pieces)s::INTEGER),"
    " updated_at=clock_timestamp()"
    " WHERE products.id = %(product_id)s::BIGINT AND products.stock >= %(pieces)s::INTEGER"
    " RETURNING products.name, products.price"
)
_INSERT_ORDER: Final = (
    "INSERT INTO orders (user_id, status, total) VALUES (%s::BIGINT, %s, %s)"
    " RETURNING orders.id, orders.created_at, orders.updated_at"
)
_INSERT_LINE: Final = (
    "INSERT INTO order_lines (order_id, position, product_id, name, quantity, unit_price)"
    " VALUES (%s::BIGINT, %s::INTEGER, %s::BIGINT, %s::VARCHAR, %s::INTEGER, %s)"
)
_STORE_RESPONSE: Final = (
    "INSERT INTO idempotency_keys (user_id, route, key, request_hash, location, body, expires_at)"
    " VALUES (%s::BIGINT, %s::VARCHAR, %s::VARCHAR, %s, %s::VARCHAR, %s,"
    " %s::TIMESTAMP WITH TIME ZONE)"
)

_keys = count(1)


async def place(connection: AsyncConnection, user_id: int, product_ids: Sequence[int]) -> None:
    """Place an order for two random products, as load.lua does."""
    key = f"loop-{os.getpid()}-{next(_keys)}"
    await _one(connection, _CLAIM, f"{user_id} {_ROUTE} {key}", 0)
    await connection.execute(_STORED_RESPONSE, [user_id, _ROUTE, key])
    await connection.execute(_LOCK_USER, [user_id])
    lines: list[tuple[int, int, str, int, Decimal]] = []
    for product_id in sorted(random.sample(product_ids, 2)):
        quantity = random.randint(1, 3)  # noqa: S311 - no secret
        cursor = await connection.execute(
            _TAKE_STOCK, {"pieces": quantity, "product_id": product_id}
        )
        name, price = (await cursor.fetchall())[0]
        lines.append((len(lines), product_id, name, quantity, price))
    total = sum(quantity * price for *_, quantity, price in lines)
    order_id, *_ = await _one(connection, _INSERT_ORDER, user_id, "pending", total)
    async with connection.cursor() as cursor:
        await cursor.executemany(_INSERT_LINE, [(order_id, *line) for line in lines])
    location = f"/api/users/{user_id}/orders/{order_id}"
    expires_at = datetime.now(UTC) + timedelta(hours=24)
    response = [user_id, _ROUTE, key, bytes(32), location, _BODY, expires_at]
    await connection.execute(_STORE_RESPONSE, response)
    await connection.commit()


async def rate(url: str, seconds: float, user_id: int, product_ids: Sequence[int]) -> float:
    """Place orders on all connections at the same time. Return the orders per second."""
    began = time.monotonic()
    rates = await asyncio.gather(
        *(_place_until(began + seconds, url, user_id, product_ids) for _ in range(CONNECTIONS))
    )
    return sum(rates)


async def _place_until(end: float, url: str, user_id: int, product_ids: Sequence[int]) -> float:
    async with await AsyncConnection.connect(url) as connection:
        await connection.set_isolation_level(psycopg.IsolationLevel.READ_COMMITTED)
        began, placed = time.monotonic(), 0
        while time.monotonic() < end or not placed:
            await place(connection, user_id, product_ids)
            placed += 1
        return placed / (time.monotonic() - began)


async def _one(connection: AsyncConnection, query: str, *values: object) -> Sequence[Any]:
    row = await (await connection.execute(query, values)).fetchone()
    if row is None:
        raise LookupError(query)
    return row


if __name__ == "__main__":
    _seconds, _user, *_products = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as _runner:
        print(
            _runner.run(
                rate(
                    os.environ["DATABASE_URL"], float(_seconds), int(_user), [*map(int, _products)]
                )
            )
        )

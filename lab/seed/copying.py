"""Writes orders into the tables by COPY."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg

from lab.seed import stock
from lab.seed.orders import Order

_ORDERS = "COPY orders (id, user_id, status, total, created_at, updated_at) FROM STDIN"
_LINES = "COPY order_lines (order_id, position, product_id, name, quantity, unit_price) FROM STDIN"


@dataclass(frozen=True)
class Ids:
    """The ids of the products by sku, and of the users by email."""

    products: Mapping[str, int]
    people: Mapping[str, int]


def add(connection: psycopg.Connection, orders: Sequence[Order], ids: Ids) -> None:
    """Add orders and their lines, and reduce the stock of their products, in one transaction."""
    with connection.transaction():
        order_ids = _new_ids(connection, len(orders))
        _copy_orders(connection, orders, order_ids, ids)
        _copy_lines(connection, orders, order_ids, ids)
        # Lock the products last, because the service's own orders wait for these locks.
        stock.take(connection, _sold(orders, ids))


def _new_ids(connection: psycopg.Connection, count: int) -> list[int]:
    # COPY accepts explicit ids even for an identity column that is GENERATED ALWAYS. The ids come
    # from the table's sequence, so an order that the service places meanwhile gets another id.
    query = "SELECT nextval(pg_get_serial_sequence('orders', 'id')) FROM generate_series(1, %s)"
    return [row[0] for row in connection.execute(query, [count])]


def _copy_orders(
    connection: psycopg.Connection, orders: Sequence[Order], order_ids: Sequence[int], ids: Ids
) -> None:
    with connection.cursor() as cursor, cursor.copy(_ORDERS) as copy:
        for order_id, order in zip(order_ids, orders, strict=True):
            buyer = ids.people[order.buyer.email]
            times = order.created_at, order.updated_at
            copy.write_row((order_id, buyer, order.status, order.total, *times))


def _copy_lines(
    connection: psycopg.Connection, orders: Sequence[Order], order_ids: Sequence[int], ids: Ids
) -> None:
    with connection.cursor() as cursor, cursor.copy(_LINES) as copy:
        for order_id, order in zip(order_ids, orders, strict=True):
            for position, (product, quantity) in enumerate(order.lines):
                row = ids.products[product.sku], product.name, quantity, product.price
                copy.write_row((order_id, position, *row))


def _sold(orders: Sequence[Order], ids: Ids) -> Counter[int]:
    sold = Counter[int]()
    for order in orders:
        # The pieces of a cancelled order are back in the stock.
        if order.status != "cancelled":
            for product, quantity in order.lines:
                sold[ids.products[product.sku]] += quantity
    return sold

"""Reduces the stock of sold products, and adds deliveries before a product is out of stock."""

from collections.abc import Mapping
from typing import Final

import psycopg

DELIVERY_PIECES: Final = 50
"""The number of pieces of a product in one delivery."""

MIN_STOCK: Final = 20
"""If fewer pieces of a product would be left after a sale, the seed adds deliveries."""


def take(connection: psycopg.Connection, sold: Mapping[int, int]) -> None:
    """Reduce the stock of each product in `sold` (id to pieces), in the open transaction."""
    # Like the service, lock the rows in the order of their ids, so that no deadlock occurs.
    rows = connection.execute(
        "SELECT id, stock FROM products WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
        [list(sold)],
    ).fetchall()
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE products SET stock = %s, updated_at = clock_timestamp() WHERE id = %s",
            [(stock_after(stock, sold[product]), product) for product, stock in rows],
        )


def stock_after(stock: int, sold: int) -> int:
    """Return the stock after the sale, with the deliveries that keep it at `MIN_STOCK` or more."""
    left = stock - sold
    deliveries = max(0, -((left - MIN_STOCK) // DELIVERY_PIECES))
    return left + deliveries * DELIVERY_PIECES

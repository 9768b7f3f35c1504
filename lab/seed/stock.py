"""The shelves: what is sold is taken from them, and a delivery comes before they are empty."""

from collections.abc import Mapping
from typing import Final

import psycopg

CRATE: Final = 50
"""How many pieces of a product a delivery comes in."""

KEPT: Final = 20
"""When fewer would be left, a delivery comes."""


def take(connection: psycopg.Connection, sold: Mapping[int, int]) -> None:
    """Take the pieces sold of each product, by id, within the caller's transaction."""
    # In the order of the ids, as the service does, so that nobody waits for each other in a circle.
    rows = connection.execute(
        "SELECT id, stock FROM products WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
        [list(sold)],
    ).fetchall()
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE products SET stock = %s, updated_at = clock_timestamp() WHERE id = %s",
            [(left_of(stock, sold[product]), product) for product, stock in rows],
        )


def left_of(stock: int, sold: int) -> int:
    """Return what is left, after as many crates as it takes to keep `KEPT` pieces."""
    left = stock - sold
    crates = max(0, -((left - KEPT) // CRATE))
    return left + crates * CRATE

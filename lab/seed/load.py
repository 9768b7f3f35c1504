"""Loads the missing rows into the database, step by step.

Each step is one transaction. If a run is killed, the next run continues after the last complete
step. The seed reads and changes only the products and users in this package's lists, and the orders
of these users.
"""

import sys
from datetime import datetime, timedelta
from typing import Final

import click
import psycopg

from lab.seed import copying
from lab.seed.catalogue import CATALOGUE
from lab.seed.copying import Ids
from lab.seed.orders import HISTORY, Period
from lab.seed.people import PEOPLE, password_hash

ORDERS_PER_TRANSACTION: Final = 5_000
"""The number of orders that one transaction adds, and that are in memory at the same time."""

_LOCK = 0x53656564  # "Seed" in ASCII. The value is arbitrary, but must never change.


class Loader:
    """Adds the missing rows through one connection in autocommit mode."""

    def __init__(self, connection: psycopg.Connection) -> None:
        """Wait until no other seed runs. Other seeds then wait until the connection is closed."""
        self._connection = connection
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        # The time is from the database's clock, which also sets the times of the service's orders.
        self._now: datetime = connection.execute("SELECT now()").fetchall()[0][0]
        self._opened: datetime = self._now - HISTORY

    def ids(self) -> Ids:
        """Return the ids of the seed's products and users that already exist."""
        products = "SELECT sku, id FROM products WHERE sku = ANY(%s)"
        people = "SELECT email, id FROM users WHERE email = ANY(%s)"
        skus = [product.sku for product in CATALOGUE]
        emails = [person.email for person in PEOPLE]
        return Ids(
            dict(self._connection.execute(products, [skus]).fetchall()),
            dict(self._connection.execute(people, [emails]).fetchall()),
        )

    def count_orders(self) -> tuple[int, datetime | None]:
        """Return the number of orders of the seed's users, and the time of the newest order.

        Orders that these users placed through the service are counted too.
        """
        query = "SELECT count(*), max(created_at) FROM orders WHERE user_id = ANY(%s)"
        people = list(self.ids().people.values())
        count, newest = self._connection.execute(query, [people]).fetchall()[0]
        return count, newest

    def add_products(self) -> int:
        """Add the missing products. Return their number."""
        existing = self.ids().products
        missing = [
            (product.sku, product.name, product.price, product.opening_stock, *[self._opened] * 2)
            for product in CATALOGUE
            if product.sku not in existing
        ]
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO products (sku, name, price, stock, created_at, updated_at)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                missing,
            )
        return len(missing)

    def add_people(self) -> int:
        """Add the missing users, all with the same password. Return their number."""
        existing = self.ids().people
        hashed = password_hash()
        missing = [
            (person.name, person.email, hashed, *[self._signed_up(position)] * 2)
            for position, person in enumerate(PEOPLE)
            if person.email not in existing
        ]
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO users (name, email, password_hash, role, created_at, updated_at)"
                " VALUES (%s, %s, %s, 'user', %s, %s)",
                missing,
            )
        return len(missing)

    def add_orders(self, wanted: int) -> int:
        """Add orders until the seed's users have `wanted` orders. Return how many were missing.

        The products and the users must exist.
        """
        existing, newest = self.count_orders()
        numbers = range(existing, wanted)
        period = Period(numbers, newest or self._opened, self._now)
        ids = self.ids()
        with click.progressbar(
            length=len(numbers),
            label="Adding orders",
            show_pos=True,
            hidden=not (numbers and sys.stderr.isatty()),
            file=sys.stderr,
        ) as progress:
            for first in numbers[::ORDERS_PER_TRANSACTION]:
                step = range(first, min(first + ORDERS_PER_TRANSACTION, wanted))
                copying.add(self._connection, list(period.orders(step)), ids)
                progress.update(len(step))
        return len(numbers)

    def analyze(self) -> None:
        """Update the planner's statistics of the tables."""
        self._connection.execute("ANALYZE users, products, orders, order_lines")

    def _signed_up(self, position: int) -> datetime:
        # The users sign up one after another, and all of them before the first order.
        return self._opened - timedelta(hours=7) * (len(PEOPLE) - position)

"""Into the database: only what is missing, step by step.

A run that is killed leaves whole steps behind, and the next one goes on from there. Rows are known
by the skus and the addresses in the lists of this package; no other row is looked at or changed.
"""

from datetime import datetime, timedelta
from typing import Final

import psycopg

from lab.seed import copying
from lab.seed.catalogue import CATALOGUE
from lab.seed.copying import Ids
from lab.seed.orders import HISTORY, Period
from lab.seed.people import PEOPLE, password_hash
from lab.seed.progress import Progress

STEP: Final = 5_000
"""How many orders one transaction adds, and memory holds."""

_LOCK = 0x53656564  # "Seed": any number will do, as long as it stays the same.


class Loader:
    """Adds what is missing through one connection in autocommit mode."""

    def __init__(self, connection: psycopg.Connection) -> None:
        """Wait until no other seed is at work; none will be until the connection is closed."""
        self._connection = connection
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        # By the clock of the database, which dates the orders of the service, too.
        self._now: datetime = connection.execute("SELECT now()").fetchall()[0][0]
        self._opened: datetime = self._now - HISTORY

    def ids(self) -> Ids:
        """Look up which of the products and the people there are."""
        products = "SELECT sku, id FROM products WHERE sku = ANY(%s)"
        people = "SELECT email, id FROM users WHERE email = ANY(%s)"
        skus = [product.sku for product in CATALOGUE]
        emails = [person.email for person in PEOPLE]
        return Ids(
            dict(self._connection.execute(products, [skus]).fetchall()),
            dict(self._connection.execute(people, [emails]).fetchall()),
        )

    def orders_there(self) -> tuple[int, datetime | None]:
        """Count the orders of these people, and tell when the newest was placed.

        One that somebody has placed in the name of one of them counts like the others.
        """
        query = "SELECT count(*), max(created_at) FROM orders WHERE user_id = ANY(%s)"
        people = list(self.ids().people.values())
        count, newest = self._connection.execute(query, [people]).fetchall()[0]
        return count, newest

    def add_products(self) -> int:
        """Add the products that are missing; how many these were."""
        there = self.ids().products
        missing = [
            (product.sku, product.name, product.price, product.opening_stock, *[self._opened] * 2)
            for product in CATALOGUE
            if product.sku not in there
        ]
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO products (sku, name, price, stock, created_at, updated_at)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                missing,
            )
        return len(missing)

    def add_people(self) -> int:
        """Add the people who are missing, all with one password; how many these were."""
        there = self.ids().people
        hashed = password_hash()
        missing = [
            (person.name, person.email, hashed, *[self._signed_up(place)] * 2)
            for place, person in enumerate(PEOPLE)
            if person.email not in there
        ]
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO users (name, email, password_hash, role, created_at, updated_at)"
                " VALUES (%s, %s, %s, 'user', %s, %s)",
                missing,
            )
        return len(missing)

    def add_orders(self, wanted: int) -> int:
        """Add orders until these people have as many as wanted; how many were missing.

        Products and people must be there.
        """
        there, newest = self.orders_there()
        numbers = range(there, wanted)
        period = Period(numbers, newest or self._opened, self._now)
        ids, progress = self.ids(), Progress("orders", len(numbers))
        for first in numbers[::STEP]:
            step = range(first, min(first + STEP, wanted))
            copying.add(self._connection, list(period.orders(step)), ids)
            progress.show(step.stop - there)
        return len(numbers)

    def analyze(self) -> None:
        """Tell the planner what the tables hold now."""
        self._connection.execute("ANALYZE users, products, orders, order_lines")

    def _signed_up(self, place: int) -> datetime:
        # One after the other, and all of them before the first order.
        return self._opened - timedelta(hours=7) * (len(PEOPLE) - place)

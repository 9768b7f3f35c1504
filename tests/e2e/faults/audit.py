"""Compares the clients' journal with the database and with the messages that were delivered."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import psycopg

from tests.e2e.faults.journal import SCARCE_STOCK, Journal
from tests.e2e.faults.writes import CANCELLATION, ORDER, SIGNUP, Kind, Outcome, Write
from tests.e2e.shoppers import OPENING_STOCK

_STOCK: Final = """
    SELECT id, stock, (
        SELECT coalesce(sum(quantity), 0) FROM order_lines JOIN orders ON order_id = orders.id
        WHERE product_id = products.id AND status <> 'cancelled'
    ) FROM products
"""


@dataclass(frozen=True)
class Audit:
    """A journal, and the rows of the database to compare with it.

    For each promise, a method yields a sentence for each write or row that breaks the promise.
    """

    journal: Journal
    users: frozenset[str]
    """The emails of all users."""
    orders: Mapping[int, str]
    """The status of each order of the buyer."""
    keys: Mapping[str, str]
    """The order's path for each idempotency key of the buyer."""
    stock: Mapping[int, tuple[int, int]]
    """For each product, the pieces in stock, and the pieces in orders that are not cancelled."""

    @classmethod
    def of(cls, journal: Journal, database: psycopg.Connection) -> "Audit":
        """Read all users and products, and the orders and idempotency keys of the buyer."""

        def rows(query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
            return database.execute(query, values).fetchall()

        buyer = journal.shop.buyer.id
        return cls(
            journal,
            users=frozenset(email for (email,) in rows("SELECT email FROM users")),
            orders=dict(rows("SELECT id, status FROM orders WHERE user_id = %s", buyer)),
            keys=dict(rows("SELECT key, location FROM idempotency_keys WHERE user_id = %s", buyer)),
            stock={product: (stock, int(sold)) for product, stock, sold in rows(_STOCK)},
        )

    def broken_promises(self) -> dict[str, list[str]]:
        """Return the broken promises, each with the sentences about it."""
        found = {
            "acknowledged writes lost": list(self.lost()),
            "pieces oversold": list(self.oversold()),
            "orders placed twice": list(self.repeated()),
            "writes without a known outcome": list(self.unsettled()),
            "wrong answers": self.journal.violations,
        }
        return {promise: sentences for promise, sentences in found.items() if sentences}

    def lost(self) -> Iterator[str]:
        """Find the confirmed writes that are not in the database."""
        for write in self._writes(SIGNUP, Outcome.CONFIRMED):
            if write.key not in self.users:
                yield f"signup {write.key} was confirmed, but no row of users has this email"
        for write in self._writes(ORDER, Outcome.CONFIRMED):
            if self.keys.get(write.key) != self._path(write.row):
                yield (
                    f"order {write.row} was confirmed for the key {write.key}, but the row of "
                    f"idempotency_keys has {self.keys.get(write.key)}"
                )
            if write.row not in self.orders:
                yield f"order {write.row} was confirmed, but orders has no such row"
        for write in self._writes(CANCELLATION, Outcome.CONFIRMED):
            status = self.orders.get(_id(write.key))
            if status != "cancelled":
                yield f"the cancellation of {write.key} was confirmed, but its status is {status}"

    def repeated(self) -> Iterator[str]:
        """Find orders that do not have exactly one key, and effects of refused or unsent writes."""
        with_key = Counter(map(_id, self.keys.values()))
        for order in self.orders:
            if with_key[order] != 1:
                yield f"order {order} has {with_key[order]} rows in idempotency_keys instead of 1"
        for write in self._writes(ORDER, Outcome.REFUSED):
            if write.key in self.keys:
                yield f"the order with the key {write.key} was refused, but is in idempotency_keys"
        for order, status in self.orders.items():
            if status == "cancelled" and self._path(order) not in self.journal.writes:
                yield f"order {order} is cancelled, but no client has cancelled it"

    def unsettled(self) -> Iterator[str]:
        """Find the writes whose outcome is still unknown, although all servers are available."""
        for write in self.journal.writes.values():
            if write.outcome == Outcome.UNKNOWN:
                yield f"{write.kind.name} {write.key} is unknown after {write.attempts} attempts"

    def oversold(self) -> Iterator[str]:
        """Find the products whose stock is not the opening stock minus the ordered pieces."""
        for shop, opening in (
            (self.journal.shop, OPENING_STOCK),
            (self.journal.scarce, SCARCE_STOCK),
        ):
            stock, sold = self.stock[shop.product["id"]]
            if stock < 0 or stock + sold != opening:
                yield (
                    f"product {shop.product['id']} has {stock} pieces in stock and {sold} in "
                    f"orders, of {opening}"
                )

    def undelivered(self, delivered: Mapping[str, int], *, at_most: int) -> Iterator[str]:
        """Find confirmed signups whose message was not delivered, or was delivered too often."""
        for write in self._writes(SIGNUP, Outcome.CONFIRMED):
            if not 1 <= delivered.get(write.key, 0) <= at_most:
                yield (
                    f"the message to {write.key} was delivered {delivered.get(write.key, 0)} "
                    f"times instead of 1 to {at_most} times"
                )

    def _writes(self, kind: Kind, outcome: Outcome) -> Iterator[Write]:
        for write in self.journal.writes.values():
            if write.kind is kind and write.outcome == outcome:
                yield write

    def _path(self, order: int) -> str:
        return f"{self.journal.shop.buyer.url}/orders/{order}"


def _id(path: str) -> int:
    return int(path.rpartition("/")[2])

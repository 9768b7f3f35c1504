"""The clients' journal: the requests that they send, and what they learn from the responses."""

import json
import math
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count, cycle
from typing import Self

import httpx2

from lab.bench.load.calls import Call
from lab.bench.load.traffic import Exchange, Record
from tests.e2e.faults.writes import (
    CANCELLATION,
    ORDER,
    SIGNUP,
    Kind,
    Outcome,
    Write,
    is_failed,
    is_read,
)
from tests.e2e.shoppers import Shop
from tests.integration.shop import new_key, new_product

SCARCE_STOCK = 20
_REPEAT_AFTER_SECONDS = 0.5


@dataclass
class Journal(Record):
    """The calls of the clients of one shop, and their results.

    Of 20 calls, 8 are orders, 4 cancellations, 1 a signup, and 7 reads. Half of the orders are for
    a scarce product, so that clients compete for the last pieces. If writes wait to be repeated,
    every second call repeats one of them.
    """

    shop: Shop = field(kw_only=True)
    scarce: Shop = field(kw_only=True)
    """The same shop with another product, of which there are few pieces."""
    writes: dict[str, Write] = field(default_factory=dict)
    answered_writes: int = 0
    """The number of attempts that were confirmed or refused."""
    violations: list[str] = field(default_factory=list)
    """The wrong results that no fault explains."""
    waiting: deque[tuple[float, Write]] = field(default_factory=deque)
    """The writes to repeat, each with the time at which to repeat it."""
    _open_orders: deque[int] = field(default_factory=deque)
    _cancelled: dict[str, float] = field(default_factory=dict)
    """When the cancellation of each order was confirmed."""

    @classmethod
    def open(cls, port: int, database_url: str) -> Self:
        """Open a shop in the service at this port, and return its empty journal."""
        shop = Shop.open(port, database_url)
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            scarce = replace(shop, product=new_product(client, shop.admin, stock=SCARCE_STOCK))
        return cls(shop=shop, scarce=scarce)

    def add(self, exchange: Exchange) -> None:
        """Add an exchange, and conclude from it whether its write is confirmed."""
        super().add(exchange)
        if is_read(exchange):
            allowed = self._is_right_read(exchange)
        else:
            write = self.writes[_key(exchange.call)]
            allowed = self._conclude(write, exchange)
            self.answered_writes += write.outcome != Outcome.UNKNOWN
        if not allowed:
            self.violations.append(
                f"{exchange.call.method} {_key(exchange.call)}: {exchange.outcome} {exchange.body}"
            )

    def _is_right_read(self, exchange: Exchange) -> bool:
        if exchange.outcome != exchange.call.expected_status:
            return is_failed(exchange)
        cancelled = self._cancelled.get(exchange.call.path, math.inf)
        began = exchange.ended - exchange.seconds
        return began < cancelled or json.loads(exchange.body)["status"] == "cancelled"

    def _conclude(self, write: Write, exchange: Exchange) -> bool:
        allowed = write.conclude(exchange)
        if write.outcome == Outcome.UNKNOWN:
            self.waiting.append((time.monotonic() + _REPEAT_AFTER_SECONDS, write))
        elif write.outcome == Outcome.CONFIRMED and write.kind is ORDER:
            self._open_orders.append(write.row)
        elif write.outcome == Outcome.CONFIRMED and write.kind is CANCELLATION:
            self._cancelled[write.key] = exchange.ended
        return allowed

    def calls(self) -> Iterator[Call]:
        """Yield calls without end."""
        # Each order is read before its cancellation, so that it is cached, and again afterwards.
        nine = [self._order, self._open_order, self._scarce_order, self._cancel, self._order,
                self._cancelled_order, self._scarce_order, self._cancel,
                self._products]  # fmt: skip
        steps = cycle([*nine, self._user, *nine, self._signup])
        for number in count():
            repetition = self._repetition() if number % 2 else None
            yield repetition or next(steps)()

    def repetitions(self) -> Iterator[Call]:
        """Yield the writes whose outcome is unknown, and reads between them, without end."""
        while True:
            yield self._repetition() or self._user()

    def is_settled(self) -> bool:
        """Return whether the outcome of each write is known."""
        return all(write.outcome != Outcome.UNKNOWN for write in self.writes.values())

    def _repetition(self) -> Call | None:
        if self.waiting and self.waiting[0][0] <= time.monotonic():
            return self.waiting.popleft()[1].call
        return None

    def _begin(self, kind: Kind, call: Call) -> Call:
        self.writes[_key(call)] = Write(kind, _key(call), call)
        return call

    def _signup(self) -> Call:
        return self._begin(SIGNUP, self.shop.sign_up())

    def _order(self) -> Call:
        return self._begin(ORDER, self.shop.order(new_key()))

    def _scarce_order(self) -> Call:
        return self._begin(ORDER, self.scarce.order(new_key()))

    def _cancel(self) -> Call:
        if not self._open_orders:
            return self._user()
        return self._begin(CANCELLATION, self.shop.cancel(self._open_orders.popleft()))

    def _user(self) -> Call:
        return self.shop.read(self.shop.buyer.url)

    def _products(self) -> Call:
        return self.shop.read("/api/products", on_new_connection=True)

    def _open_order(self) -> Call:
        """Read the order that is cancelled next."""
        if not self._open_orders:
            return self._user()
        return self.shop.read(f"{self.shop.buyer.url}/orders/{self._open_orders[0]}")

    def _cancelled_order(self) -> Call:
        return self.shop.read(next(reversed(self._cancelled), self.shop.buyer.url))


def _key(call: Call) -> str:
    if call.method == "POST":
        return str(call.headers.get("Idempotency-Key") or call.content["email"])
    return call.path

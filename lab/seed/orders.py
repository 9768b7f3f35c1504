"""Generates realistic orders. An order's number determines its user and its lines."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from random import Random
from typing import Final, NamedTuple, TypeVar

from lab.seed.catalogue import CATALOGUE, Product
from lab.seed.people import PEOPLE, Person

_T = TypeVar("_T")

HISTORY: Final = timedelta(days=180)
"""The age of the shop. No order that the seed adds is older."""

# Only an order younger than this can be pending or paid.
_OPEN = timedelta(days=30)
_LINES = ((1, 2, 3, 4, 5), tuple(accumulate((38, 30, 18, 9, 5))))
_QUANTITIES = ((1, 2, 3, 4, 6), tuple(accumulate((62, 22, 8, 4, 4))))
_OLD = (("shipped", "cancelled"), tuple(accumulate((94, 6))))
_NEW = (("pending", "paid", "shipped", "cancelled"), tuple(accumulate((24, 36, 34, 6))))
_POPULARITY = tuple(accumulate(product.popularity for product in CATALOGUE))
# The first users in the list order most often, and the last users least often.
_REGULARITY = tuple(accumulate(range(len(PEOPLE) + 10, 10, -1)))


class Line(NamedTuple):
    """A product, and how many pieces of it are ordered."""

    product: Product
    quantity: int


class Order(NamedTuple):
    """One purchase, at the prices of the catalogue."""

    buyer: Person
    status: str
    lines: tuple[Line, ...]
    created_at: datetime
    updated_at: datetime

    @property
    def total(self) -> Decimal:
        """The price of all lines together."""
        return sum((line.product.price * line.quantity for line in self.lines), Decimal(0))


@dataclass(frozen=True)
class Period:
    """Orders with the given `numbers`, spread evenly from `since` to some time before `now`.

    An order's user and lines depend only on the order's number. Its times and its status also
    depend on the period.
    """

    numbers: range
    since: datetime
    now: datetime

    def orders(self, numbers: range) -> Iterator[Order]:
        """Yield the orders of some of the numbers. Each order is later than the previous order."""
        random = Random()  # noqa: S311 - a shop's customers are no secret.
        for number in numbers:
            random.seed(number)
            yield self._order(number, random)

    def _order(self, number: int, random: Random) -> Order:
        buyer = random.choices(PEOPLE, cum_weights=_REGULARITY)[0]
        lines = _lines(random)
        # The last tenth of the period stays free: a later run places its orders after the newest
        # order of this run, but not in the future. So an order with a higher id is always later.
        fraction = (number - self.numbers.start + random.random()) / len(self.numbers)
        created_at = self.since + (self.now - self.since) * (fraction * 0.9)
        age = self.now - created_at
        status = _pick(random, _NEW if age < _OPEN else _OLD)
        delay = timedelta(0) if status == "pending" else min(age, _OPEN) * random.random()
        return Order(buyer, status, lines, created_at, created_at + delay)


def _lines(random: Random) -> tuple[Line, ...]:
    chosen = random.choices(CATALOGUE, cum_weights=_POPULARITY, k=_pick(random, _LINES))
    # An order lists each product once.
    return tuple(Line(product, _pick(random, _QUANTITIES)) for product in dict.fromkeys(chosen))


def _pick(random: Random, weighted: tuple[tuple[_T, ...], tuple[int, ...]]) -> _T:
    values, weights = weighted
    return random.choices(values, cum_weights=weights)[0]

"""Orders as a shop would have them, the same ones each time for the same numbers."""

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
"""For how long the shop has been open."""

# An order younger than this may still be on its way.
_OPEN = timedelta(days=30)
_LINES = ((1, 2, 3, 4, 5), tuple(accumulate((38, 30, 18, 9, 5))))
_QUANTITIES = ((1, 2, 3, 4, 6), tuple(accumulate((62, 22, 8, 4, 4))))
_OLD = (("shipped", "cancelled"), tuple(accumulate((94, 6))))
_NEW = (("pending", "paid", "shipped", "cancelled"), tuple(accumulate((24, 36, 34, 6))))
_POPULARITY = tuple(accumulate(product.popularity for product in CATALOGUE))
# The first in the list are regulars, the last come now and then.
_REGULARITY = tuple(accumulate(range(len(PEOPLE) + 10, 10, -1)))


class Line(NamedTuple):
    """So many pieces of one product."""

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
        """What all lines cost together."""
        return sum((line.product.price * line.quantity for line in self.lines), Decimal(0))


@dataclass(frozen=True)
class Period:
    """The orders of these numbers, spread evenly from `since` to a while before `now`.

    Who buys what depends on an order's number alone; the times and, for the latest orders, the
    status also on the period.
    """

    numbers: range
    since: datetime
    now: datetime

    def orders(self, numbers: range) -> Iterator[Order]:
        """Yield some of them, each later than the one before."""
        random = Random()  # noqa: S311 - a shop's customers are no secret.
        for number in numbers:
            random.seed(number)
            yield self._order(number, random)

    def _order(self, number: int, random: Random) -> Order:
        buyer = random.choices(PEOPLE, cum_weights=_REGULARITY)[0]
        lines = _lines(random)
        # A tenth of the time is left to the orders that a later run adds: an order of a higher id
        # is a later one, whatever has been there before.
        place = (number - self.numbers.start + random.random()) / len(self.numbers)
        created_at = self.since + (self.now - self.since) * (place * 0.9)
        age = self.now - created_at
        status = _pick(random, _NEW if age < _OPEN else _OLD)
        taken = timedelta(0) if status == "pending" else min(age, _OPEN) * random.random()
        return Order(buyer, status, lines, created_at, created_at + taken)


def _lines(random: Random) -> tuple[Line, ...]:
    chosen = random.choices(CATALOGUE, cum_weights=_POPULARITY, k=_pick(random, _LINES))
    # An order lists each product once.
    return tuple(Line(product, _pick(random, _QUANTITIES)) for product in dict.fromkeys(chosen))


def _pick(random: Random, weighted: tuple[tuple[_T, ...], tuple[int, ...]]) -> _T:
    values, weights = weighted
    return random.choices(values, cum_weights=weights)[0]

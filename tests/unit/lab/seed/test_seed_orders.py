"""The orders of `make seed` are plausible, consistent, and the same for the same numbers."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from lab.seed.orders import HISTORY, Order, Period
from lab.seed.people import PEOPLE
from lab.seed.stock import DELIVERY_PIECES, MIN_STOCK, stock_after

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def placed(count: int, *, first: int = 0, since: datetime = NOW - HISTORY) -> list[Order]:
    """Return `count` orders from number `first`, placed from `since` until now."""
    numbers = range(first, first + count)
    return list(Period(numbers, since, NOW).orders(numbers))


def test_the_same_numbers_give_the_same_orders() -> None:
    """The orders are equal to the microsecond, even if they are made in several parts."""
    numbers = range(300)
    period = Period(numbers, NOW - HISTORY, NOW)
    parts = [*period.orders(numbers[:117]), *period.orders(numbers[117:])]
    assert parts == placed(300)


def test_the_content_of_an_order_does_not_depend_on_the_number_of_orders() -> None:
    """Order 150 of 200 orders has the same buyer and lines as order 150 of 1,000 orders."""
    small, large = placed(200)[150], placed(1000)[150]
    assert (small.buyer, small.lines) == (large.buyer, large.lines)


def test_a_total_is_the_sum_of_the_lines() -> None:
    """The total is exact and has two decimal places."""
    for order in placed(1000):
        cents = sum(int(line.product.price * 100) * line.quantity for line in order.lines)
        assert order.total == Decimal(cents) / 100
        assert order.total.as_tuple().exponent == -2


def test_order_lines_are_within_the_limits_of_the_service() -> None:
    """An order has 1 to 50 lines, each with a different product and 1 to 1,000 pieces."""
    for order in placed(1000):
        products = [line.product for line in order.lines]
        assert 1 <= len(products) == len(set(products)) <= 50
        assert all(1 <= line.quantity <= 1000 for line in order.lines)


def test_orders_are_placed_one_after_another_over_the_last_months() -> None:
    """The first order is placed within a day after the shop opens. No order is in the future."""
    orders = placed(1000)
    assert all(one.created_at < other.created_at for one, other in pairwise(orders))
    assert NOW - HISTORY <= orders[0].created_at < NOW - HISTORY + timedelta(days=1)
    assert all(order.created_at <= order.updated_at <= NOW for order in orders)


def test_orders_of_a_later_run_have_later_times() -> None:
    """The last order of a run is some time before now, so that the next runs can add orders."""
    orders = placed(200)
    for _ in range(3):
        orders += placed(200, first=len(orders), since=orders[-1].created_at)
    assert all(one.created_at < other.created_at for one, other in pairwise(orders))
    assert orders[-1].created_at < NOW


def test_only_recent_orders_are_pending_or_paid() -> None:
    """Most orders are shipped, some cancelled. Every status occurs, so each filter has results."""
    orders = placed(200)
    statuses = Counter(order.status for order in orders)
    assert set(statuses) == {"pending", "paid", "shipped", "cancelled"}
    assert statuses["shipped"] > 150
    month_ago = NOW - timedelta(days=30)
    assert {order.status for order in orders if order.created_at < month_ago} == {
        "shipped",
        "cancelled",
    }
    assert all(
        order.updated_at == order.created_at for order in orders if order.status == "pending"
    )


def test_some_people_buy_more_than_others_and_all_people_buy() -> None:
    """A thousand orders include every buyer."""
    buyers = Counter(order.buyer for order in placed(1000))
    assert set(buyers) == set(PEOPLE)
    assert buyers.most_common()[0][1] > 3 * buyers.most_common()[-1][1]


def test_two_hundred_orders_need_no_delivery() -> None:
    """After the default number of orders, at least `MIN_STOCK` pieces of each product are left.

    The stock of a product is then its opening stock minus all its sales.
    """
    ordered = Counter[str]()
    opening = {}
    for order in placed(200):
        for product, quantity in order.lines:
            ordered[product.sku] += quantity
            opening[product.sku] = product.opening_stock
    assert all(opening[sku] - count >= MIN_STOCK for sku, count in ordered.items())


@pytest.mark.parametrize("stock", [0, 1, MIN_STOCK - 1, MIN_STOCK, MIN_STOCK + 1, 100, 5000])
@pytest.mark.parametrize("sold", [1, MIN_STOCK, DELIVERY_PIECES, 2 * DELIVERY_PIECES + 1, 4999])
def test_deliveries_have_a_fixed_size_and_come_only_when_needed(stock: int, sold: int) -> None:
    """At least `MIN_STOCK` pieces are left, and without the last delivery there would be fewer."""
    left = stock_after(stock, sold)
    delivered = left + sold - stock
    assert left >= MIN_STOCK
    assert delivered % DELIVERY_PIECES == 0
    assert delivered == 0 or left < MIN_STOCK + DELIVERY_PIECES

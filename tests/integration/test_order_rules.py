"""Whatever people do in whatever order: the books balance."""

import os
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.accounts import Account
from tests.integration.shop import edit, move, new_product, order, price, product_url

_NEXT = {
    "pending": {"paid", "cancelled"},
    "paid": {"shipped", "cancelled"},
    "shipped": set[str](),
    "cancelled": set[str](),
}
_AMOUNTS = st.decimals("0.00", "9999999999.99", places=2).map("{:.2f}".format)
_STEPS = st.sampled_from(["pending", "paid", "shipped", "cancelled"])


@dataclass
class Shop:
    """A shop that is open: the service, a customer, and who keeps the stock."""

    client: httpx2.Client
    buyer: Account
    admin: Account


_shop: ContextVar[Shop] = ContextVar("shop")


@dataclass
class Ordered:
    """An order as it should be: what was in it, and the states it has been in."""

    url: str
    shown: dict[str, Any]
    states: list[str] = field(default_factory=lambda: ["pending"])


class Books(RuleBasedStateMachine):
    """The service beside a model of it that is too simple to be wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.shop = _shop.get()
        self.products: list[dict[str, Any]] = []
        self.stock: dict[int, int] = {}
        self.orders: list[Ordered] = []

    @initialize(stocks=st.lists(st.integers(0, 8), min_size=2, max_size=2))
    def open(self, stocks: list[int]) -> None:
        """Put a few products on the shelf."""
        for stock in stocks:
            product = new_product(self.shop.client, self.shop.admin, stock=stock)
            self.products.append(product)
            self.stock[product["id"]] = stock

    @rule(
        wanted=st.lists(
            st.tuples(st.integers(0, 1), st.integers(1, 5)), min_size=1, max_size=2,
            unique_by=lambda pair: pair[0],
        )
    )  # fmt: skip
    def place(self, wanted: list[tuple[int, int]]) -> None:
        """Order some of it: all is there, or nothing is taken."""
        items = [(self.products[at], many) for at, many in wanted]
        response = order(self.shop.client, self.shop.buyer, *items)
        enough = all(self.stock[product["id"]] >= many for product, many in items)
        assert response.status_code == (201 if enough else 409), response.text
        if not enough:
            return
        for product, many in items:
            self.stock[product["id"]] -= many
        shown = response.json()
        assert [
            (line["product_id"], line["quantity"], line["name"], line["unit_price"])
            for line in shown["items"]
        ] == [(product["id"], many, product["name"], product["price"]) for product, many in items]
        self.orders.append(Ordered(response.headers["Location"], shown))

    @rule(at=st.integers(0, 100), step=_STEPS, by_admin=st.booleans())
    def step(self, at: int, step: str, *, by_admin: bool) -> None:
        """Move some order on: cancel, pay, ship, or what there is not."""
        if not self.orders:
            return
        moved = self.orders[at % len(self.orders)]
        who = self.shop.admin if by_admin else self.shop.buyer
        response = move(self.shop.client, who, moved.url, step)
        if not by_admin and step != "cancelled":
            assert response.status_code == 403, response.text
        elif step not in _NEXT[moved.states[-1]]:
            assert response.status_code == 409, response.text
        else:
            assert response.status_code == 200, response.text
            moved.states.append(step)
            moved.shown = response.json()
            if step == "cancelled":
                for line in moved.shown["items"]:
                    self.stock[line["product_id"]] += line["quantity"]

    @rule(at=st.integers(0, 1), stock=st.integers(0, 20), amount=_AMOUNTS)
    def edit(self, at: int, stock: int, amount: str) -> None:
        """Count the shelf anew, and change a price: of what is sold from now on."""
        product = self.products[at]
        response = edit(
            self.shop.client, self.shop.admin, product, stock=stock, price=price(amount)
        )
        assert response.status_code == 200, response.text
        product["price"] = price(amount)
        self.stock[product["id"]] = stock

    @invariant()
    def the_stock_is_what_was_there_less_what_was_sold(self) -> None:
        """And never below zero."""
        for product in self.products:
            shown = self.shop.client.get(product_url(product)).json()
            assert shown["stock"] == self.stock[product["id"]] >= 0
            assert shown["price"] == product["price"]

    def teardown(self) -> None:
        """In the end every order is as it was placed, and adds up; no state was there twice."""
        url = f"{self.shop.buyer.url}/orders?limit=100"
        listed = self.shop.client.get(url, headers=self.shop.buyer.auth).json()["items"]
        assert len(listed) >= len(self.orders)
        # The newest are of this round, those behind them of rounds before.
        for known, shown in zip(reversed(self.orders), listed, strict=False):
            assert shown == {**known.shown, "status": known.states[-1]}
            lines = [Decimal(line["unit_price"]["amount"]) * line["quantity"]
                     for line in shown["items"]]  # fmt: skip
            assert Decimal(shown["total"]["amount"]) == sum(lines)
            assert len(set(known.states)) == len(known.states)


def _run(shop: Shop, examples: int, steps: int) -> None:
    token = _shop.set(shop)
    try:
        run_state_machine_as_test(
            Books,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        _shop.reset(token)


@pytest.mark.slow
def test_stock_and_totals_add_up_after_any_sequence_of_steps(
    client: httpx2.Client, ahmed: Account, admin: Account
) -> None:
    """A short round."""
    _run(Shop(client, ahmed, admin), examples=30, steps=15)


@pytest.mark.fuzz
def test_stock_and_totals_add_up_after_any_sequence_of_steps_at_length(
    client: httpx2.Client, ahmed: Account, admin: Account
) -> None:
    """A long one: 200 sequences, or as many as FUZZ_EXAMPLES says."""
    examples = max(200, int(os.environ.get("FUZZ_EXAMPLES", "200")))
    _run(Shop(client, ahmed, admin), examples=examples, steps=30)

"""Property-based test: stock and totals are correct after any sequence of operations."""

import os
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

_TRANSITIONS = {
    "pending": {"paid", "cancelled"},
    "paid": {"shipped", "cancelled"},
    "shipped": set[str](),
    "cancelled": set[str](),
}
_AMOUNTS = st.decimals("0.00", "9999999999.99", places=2).map("{:.2f}".format)
_STEPS = st.sampled_from(["pending", "paid", "shipped", "cancelled"])


@dataclass
class Shop:
    """The service, a customer and an administrator."""

    client: httpx2.Client
    buyer: Account
    admin: Account


@dataclass
class ExpectedOrder:
    """An order as it should be: its content, and all statuses it has had."""

    url: str
    shown: dict[str, Any]
    states: list[str] = field(default_factory=lambda: ["pending"])


class ShopModel(RuleBasedStateMachine):
    """Compares the service with a simple model of stock and orders. A subclass sets `shop`."""

    shop: Shop

    def __init__(self) -> None:
        super().__init__()
        self.products: list[dict[str, Any]] = []
        self.stock: dict[int, int] = {}
        self.orders: list[ExpectedOrder] = []

    @initialize(stocks=st.lists(st.integers(0, 8), min_size=2, max_size=2))
    def open(self, stocks: list[int]) -> None:
        """Create two products."""
        for stock in stocks:
            product = new_product(self.shop.client, self.shop.admin, stock=stock)
            self.products.append(product)
            self.stock[product["id"]] = stock

    @rule(
        basket_items=st.lists(
            st.tuples(st.integers(0, 1), st.integers(1, 5)), min_size=1, max_size=2,
            unique_by=lambda pair: pair[0],
        )
    )  # fmt: skip
    def place(self, basket_items: list[tuple[int, int]]) -> None:
        """Place an order: it takes all of its items, or fails and takes none."""
        items = [(self.products[at], quantity) for at, quantity in basket_items]
        response = order(self.shop.client, self.shop.buyer, *items)
        enough = all(self.stock[product["id"]] >= quantity for product, quantity in items)
        assert response.status_code == (201 if enough else 409), response.text
        if not enough:
            return
        for product, quantity in items:
            self.stock[product["id"]] -= quantity
        shown = response.json()
        assert [
            (line["product_id"], line["quantity"], line["name"], line["unit_price"])
            for line in shown["items"]
        ] == [
            (product["id"], quantity, product["name"], product["price"])
            for product, quantity in items
        ]
        self.orders.append(ExpectedOrder(response.headers["Location"], shown))

    @rule(at=st.integers(0, 100), step=_STEPS, by_admin=st.booleans())
    def step(self, at: int, step: str, *, by_admin: bool) -> None:
        """Request another status of an order, allowed or not."""
        if not self.orders:
            return
        moved = self.orders[at % len(self.orders)]
        account = self.shop.admin if by_admin else self.shop.buyer
        response = move(self.shop.client, account, moved.url, step)
        if not by_admin and step != "cancelled":
            assert response.status_code == 403, response.text
        elif step not in _TRANSITIONS[moved.states[-1]]:
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
        """Change stock and price of a product. Earlier orders keep their price."""
        product = self.products[at]
        response = edit(
            self.shop.client, self.shop.admin, product, stock=stock, price=price(amount)
        )
        assert response.status_code == 200, response.text
        product["price"] = price(amount)
        self.stock[product["id"]] = stock

    @invariant()
    def the_stock_matches_the_model(self) -> None:
        """Each product has the stock and price of the model, and no stock is below zero."""
        for product in self.products:
            shown = self.shop.client.get(product_url(product)).json()
            assert shown["stock"] == self.stock[product["id"]] >= 0
            assert shown["price"] == product["price"]

    def teardown(self) -> None:
        """Check that each order is as expected, has a correct total and had no status twice."""
        url = f"{self.shop.buyer.url}/orders?limit=100"
        listed = self.shop.client.get(url, headers=self.shop.buyer.auth).json()["items"]
        assert len(listed) >= len(self.orders)
        # The newest orders are from this sequence, the older orders from previous sequences.
        for expected, shown in zip(reversed(self.orders), listed, strict=False):
            assert shown == {**expected.shown, "status": expected.states[-1]}
            lines = [Decimal(line["unit_price"]["amount"]) * line["quantity"]
                     for line in shown["items"]]  # fmt: skip
            assert Decimal(shown["total"]["amount"]) == sum(lines)
            assert len(set(expected.states)) == len(expected.states)


_MANY = max(200, int(os.environ.get("FUZZ_EXAMPLES", "200")))


@pytest.mark.parametrize(
    ("examples", "steps"),
    [
        pytest.param(30, 15, marks=pytest.mark.slow, id="short"),
        pytest.param(_MANY, 30, marks=pytest.mark.fuzz, id="long"),
    ],
)
def test_stock_and_totals_are_correct_after_any_sequence_of_operations(
    client: httpx2.Client, ahmed: Account, admin: Account, examples: int, steps: int
) -> None:
    """The long run has 200 sequences, or FUZZ_EXAMPLES if that is more."""

    class OwnModel(ShopModel):
        shop = Shop(client, ahmed, admin)

    run_state_machine_as_test(
        OwnModel,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

"""What a product may be: names, skus, stock, and prices that are exact."""

from typing import Any

import httpx2
import pytest

from tests.accounts import Account
from tests.integration.shop import edit, new_product, price, product_body, product_url
from tests.integration.wire import pointers


@pytest.fixture(scope="module")
def product(client: httpx2.Client, admin: Account) -> dict[str, Any]:
    """A product that stays as it is."""
    return new_product(client, admin, name="Teapot", price=price("12.50"), stock=7)


@pytest.mark.parametrize("amount", ["0.00", "0.01", "0.10", "9.99", "1000.00", "9999999999.99"])
def test_prices_are_exact(client: httpx2.Client, admin: Account, amount: str) -> None:
    """What is sent is what comes back, to the last cent of the greatest."""
    made = new_product(client, admin, price=price(amount))
    assert made["price"] == {"amount": amount, "currency": "EUR"}
    assert client.get(product_url(made)).json()["price"] == made["price"]


_WRONG_AMOUNTS: list[Any] = [
    12.5, 12, "12.5", "12", "12.500", "-1.00", "-0.00", "+1.00", "1e2", "1.00E2", "01.00",
    "00.00", ".50", "1,00", "1.000,00", " 1.00", "1.00 ", "1.00\n", "", "NaN", "Infinity",
    "\u0661.\u0660\u0660", "10000000000.00", "1_0.00", None, True, ["1.00"],
]  # fmt: skip


@pytest.mark.parametrize("amount", _WRONG_AMOUNTS)
def test_an_amount_in_any_other_form_gets_422(
    client: httpx2.Client, admin: Account, product: dict[str, Any], amount: object
) -> None:
    """A decimal string with two places, and never a number, which may have been a float."""
    wrong = {"amount": amount, "currency": "EUR"}
    created = client.post("/api/products", json=product_body(price=wrong), headers=admin.auth)
    assert pointers(created) == ["/price/amount"]
    assert pointers(edit(client, admin, product, price=wrong)) == ["/price/amount"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"price": {"amount": "1.00", "currency": "USD"}}, "/price/currency"),
        ({"price": {"amount": "1.00", "currency": "eur"}}, "/price/currency"),
        ({"price": {"amount": "1.00"}}, "/price/currency"),
        ({"price": {"currency": "EUR"}}, "/price/amount"),
        ({"price": {**price("1.00"), "cents": 100}}, "/price/cents"),
        ({"price": "1.00"}, "/price"),
        ({"price": None}, "/price"),
        ({"stock": -1}, "/stock"),
        ({"stock": 1_000_000_001}, "/stock"),
        ({"stock": 2**63}, "/stock"),
        ({"stock": 1.0}, "/stock"),
        ({"stock": "1"}, "/stock"),
        ({"stock": None}, "/stock"),
        ({"sku": ""}, "/sku"),
        ({"sku": "-x"}, "/sku"),
        ({"sku": "a b"}, "/sku"),
        ({"sku": "x" * 65}, "/sku"),
        ({"sku": "é"}, "/sku"),
        ({"sku": "x\n"}, "/sku"),
        ({"name": ""}, "/name"),
        ({"name": " "}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"name": "\u202eb"}, "/name"),
        ({"id": 1}, "/id"),
        ({"total": 1}, "/total"),
        ({"created_at": "2026-01-01T00:00:00Z"}, "/created_at"),
    ],
)
def test_what_a_product_cannot_be_gets_422(
    client: httpx2.Client, admin: Account, product: dict[str, Any], changes: Any, pointer: str
) -> None:
    """The answer points at it; nothing is changed."""
    created = client.post("/api/products", json=product_body(**changes), headers=admin.auth)
    assert pointers(created) == [pointer]  # check 26
    assert pointers(edit(client, admin, product, **changes)) == [pointer]  # check 26
    assert client.get(product_url(product)).json() == product


@pytest.mark.parametrize("stock", [0, 1_000_000_000])
def test_stock_goes_from_none_to_a_thousand_million(
    client: httpx2.Client, admin: Account, stock: int
) -> None:
    """Both ends included."""
    assert new_product(client, admin, stock=stock)["stock"] == stock


def test_every_field_of_a_product_is_asked_for(client: httpx2.Client, admin: Account) -> None:
    """Nothing has a default that somebody would sell by mistake."""
    response = client.post("/api/products", json={}, headers=admin.auth)
    assert pointers(response) == ["/sku", "/name", "/price", "/stock"]

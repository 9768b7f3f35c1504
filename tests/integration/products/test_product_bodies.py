"""Valid and invalid products: name, sku, stock and price."""

from typing import Any

import httpx2
import pytest

from tests.accounts import Account
from tests.integration.shop import edit, new_product, price, product_body, product_url
from tests.integration.wire import pointers


@pytest.fixture(scope="module")
def product(client: httpx2.Client, admin: Account) -> dict[str, Any]:
    """A product that no test changes."""
    return new_product(client, admin, name="Teapot", price=price("12.50"), stock=7)


@pytest.mark.parametrize("amount", ["0.00", "0.01", "0.10", "9.99", "1000.00", "9999999999.99"])
def test_prices_are_exact(client: httpx2.Client, admin: Account, amount: str) -> None:
    """A price is returned exactly as it was sent, up to the highest price."""
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
    """An amount is a string with two decimals. A number is refused, because it may be a float."""
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
        *(({"stock": it}, "/stock") for it in (-1, 1_000_000_001, 2**63, 1.0, "1", None)),
        *(({"sku": it}, "/sku") for it in ("", "-x", "a b", "x" * 65, "é", "x\n")),
        *(({"name": it}, "/name") for it in ("", " ", "x" * 101, "a\nb", "\u202eb")),
        ({"id": 1}, "/id"),
        ({"total": 1}, "/total"),
        ({"created_at": "2026-01-01T00:00:00Z"}, "/created_at"),
    ],
)
def test_an_invalid_product_gets_422(
    client: httpx2.Client, admin: Account, product: dict[str, Any], changes: Any, pointer: str
) -> None:
    """The problem has a JSON Pointer to the error, and nothing is changed."""
    created = client.post("/api/products", json=product_body(**changes), headers=admin.auth)
    assert pointers(created) == [pointer]  # check 26
    assert pointers(edit(client, admin, product, **changes)) == [pointer]  # check 26
    assert client.get(product_url(product)).json() == product


@pytest.mark.parametrize("stock", [0, 1_000_000_000])
def test_stock_is_between_zero_and_a_billion(
    client: httpx2.Client, admin: Account, stock: int
) -> None:
    """A stock of zero and a stock of a billion are both allowed."""
    assert new_product(client, admin, stock=stock)["stock"] == stock


def test_every_field_of_a_product_is_required(client: httpx2.Client, admin: Account) -> None:
    """A product with a default price or stock could be sold by mistake."""
    response = client.post("/api/products", json={}, headers=admin.auth)
    assert pointers(response) == ["/sku", "/name", "/price", "/stock"]

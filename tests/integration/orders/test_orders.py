"""Orders: complete or not at all, at the current price, visible to the owner and administrators."""

from typing import Any

import httpx2
import pytest

from tests.accounts import Account, sign_up
from tests.integration.shop import (
    basket,
    edit,
    new_product,
    order,
    placed,
    price,
    product_url,
    stock_of,
)
from tests.integration.wire import pointers, problem

_KEYS = ["id", "user_id", "status", "items", "total", "created_at", "updated_at"]
_LINE_KEYS = ["product_id", "name", "quantity", "unit_price"]


@pytest.fixture(scope="module")
def kettle(client: httpx2.Client, admin: Account) -> dict[str, Any]:
    """A product that is always in stock."""
    return new_product(client, admin, price=price("24.90"), stock=1_000_000)


def test_an_order_is_placed(
    client: httpx2.Client, customer: Account, admin: Account, kettle: dict[str, Any]
) -> None:
    """The response is 201 with the Location, the lines as they were sent, and the total."""
    pot = new_product(client, admin, name="Pot", price=price("0.01"))
    response = placed(client, customer, (pot, 3), (kettle, 2))
    made = response.json()
    assert list(made) == _KEYS  # check 27
    assert [list(line) for line in made["items"]] == [_LINE_KEYS] * 2  # check 27
    assert (made["user_id"], made["status"]) == (customer.id, "pending")
    assert made["items"] == [
        {"product_id": pot["id"], "name": "Pot", "quantity": 3, "unit_price": price("0.01")},
        {"product_id": kettle["id"], "name": "Kettle", "quantity": 2, "unit_price": price("24.90")},
    ]
    assert made["total"] == price("49.83")
    assert made["created_at"] == made["updated_at"]
    assert made["created_at"].endswith("Z")
    assert response.headers["Location"] == f"{customer.url}/orders/{made['id']}"
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert response.headers["Content-Type"] == "application/json"
    read = client.get(response.headers["Location"], headers=customer.auth)
    assert (read.status_code, read.content) == (200, response.content)
    assert read.headers["ETag"] == response.headers["ETag"]
    assert read.headers["Cache-Control"] == "private, no-cache"


def test_an_order_keeps_name_and_price_of_its_products(
    client: httpx2.Client, customer: Account, admin: Account
) -> None:
    """Later changes of a product affect only later orders."""
    product = new_product(client, admin, name="Old", price=price("1.10"))
    first = placed(client, customer, (product, 3))
    edit(client, admin, product, name="New", price=price("2.20")).raise_for_status()
    second = placed(client, customer, (product, 3)).json()
    assert client.get(first.headers["Location"], headers=customer.auth).content == first.content
    assert (first.json()["items"][0]["name"], first.json()["total"]) == ("Old", price("3.30"))
    assert (second["items"][0]["name"], second["total"]) == ("New", price("6.60"))


def test_the_largest_order_has_an_exact_total(
    client: httpx2.Client, customer: Account, admin: Account
) -> None:
    """The largest order has 50 products, 1,000 pieces of each, at the highest price."""
    highest_price = price("9999999999.99")
    items = [(new_product(client, admin, price=highest_price, stock=1000), 1000) for _ in range(50)]
    made = placed(client, customer, *items).json()
    assert made["total"] == price("499999999999500.00")
    assert len(made["items"]) == 50
    assert stock_of(client, items[-1][0]) == 0


def test_an_order_beyond_the_stock_takes_nothing(
    client: httpx2.Client, ahmed: Account, admin: Account, kettle: dict[str, Any]
) -> None:
    """The 409 names the item. The stock of the other products does not change either."""
    few, plenty = new_product(client, admin, stock=2), new_product(client, admin)
    before = client.get(product_url(kettle)).headers["ETag"]
    response = order(client, ahmed, (kettle, 1), (few, 3), (plenty, 1))
    document = problem(response, 409, "out-of-stock")
    assert "/items/1" in document["detail"]
    assert client.get(product_url(kettle)).headers["ETag"] == before
    assert (stock_of(client, few), stock_of(client, plenty)) == (2, 10)
    assert client.get(f"{ahmed.url}/orders", headers=ahmed.auth).json()["items"] == []
    placed(client, ahmed, (few, 2))
    problem(order(client, ahmed, (few, 1)), 409, "out-of-stock")


def test_an_unknown_product_gets_422_and_takes_nothing(
    client: httpx2.Client, customer: Account, admin: Account
) -> None:
    """The JSON Pointer leads to the unknown product."""
    product = new_product(client, admin)
    for missing in (product["id"] + 2**40, 2**63 - 1):
        response = order(client, customer, (product, 1), ({"id": missing}, 1))
        assert pointers(response) == ["/items/1/product_id"]
    assert stock_of(client, product) == 10


_LINE = {"product_id": 1, "quantity": 1}
_WRONG: list[tuple[Any, str]] = [
    ({}, "/items"),
    ({"items": []}, "/items"),
    ({"items": None}, "/items"),
    ({"items": _LINE}, "/items"),
    ({"items": [{"product_id": n, "quantity": 1} for n in range(1, 52)]}, "/items"),
    ({"items": [_LINE, {**_LINE, "quantity": 2}]}, "/items"),
    ({"items": ["x"]}, "/items/0"),
    ({"items": [{"quantity": 1}]}, "/items/0/product_id"),
    ({"items": [{"product_id": 1}]}, "/items/0/quantity"),
    *(({"items": [{**_LINE, "quantity": wrong}]}, "/items/0/quantity")
      for wrong in (0, -1, 1001, 2**63, 1.0, 1.5, "1", None, True)),
    *(({"items": [{**_LINE, "product_id": wrong}]}, "/items/0/product_id")
      for wrong in (0, -1, 2**63, 2**64, 1.0, "1", None, True)),
    *(({"items": [{**_LINE, name: 1}]}, f"/items/0/{name}")
      for name in ("unit_price", "price", "name", "id")),
    *(({"items": [_LINE], name: 1}, f"/{name}")
      for name in ("id", "user_id", "owner_id", "role", "status", "total", "created_at")),
]  # fmt: skip


@pytest.mark.parametrize(("body", "pointer"), _WRONG)
def test_an_invalid_order_gets_422(
    client: httpx2.Client, shared_user: Account, body: Any, pointer: str
) -> None:
    """An order has 1 to 50 items, 1 to 1,000 pieces of each, and each product once."""
    response = client.post(f"{shared_user.url}/orders", json=body, headers=shared_user.auth)
    assert pointers(response) == [pointer]  # check 26
    assert client.get(f"{shared_user.url}/orders", headers=shared_user.auth).json()["items"] == []


def test_an_administrator_reads_and_places_orders_of_other_users(
    client: httpx2.Client, ahmed: Account, admin: Account, kettle: dict[str, Any]
) -> None:
    """The orders belong to the user in the path."""
    made = placed(client, ahmed, (kettle, 1))
    read = client.get(made.headers["Location"], headers=admin.auth)
    assert (read.status_code, read.content) == (200, made.content)
    url = f"{ahmed.url}/orders"
    for_ahmed = client.post(url, json=basket((kettle, 1)), headers=admin.auth)
    assert (for_ahmed.status_code, for_ahmed.json()["user_id"]) == (201, ahmed.id)
    listed = client.get(url, headers=admin.auth).json()["items"]
    assert listed == [for_ahmed.json(), made.json()]
    assert client.get(url, headers=ahmed.auth).json()["items"] == listed


def test_an_order_for_a_missing_account_gets_404(
    client: httpx2.Client, bettina: Account, admin: Account
) -> None:
    """An erased and an unknown account both get 404. The stock does not change."""
    product = new_product(client, admin)
    headers = {**bettina.auth, "If-Match": bettina.etag}
    assert client.delete(bettina.url, headers=headers).status_code == 204
    for url in (bettina.url, f"/api/users/{2**62}"):
        response = client.post(f"{url}/orders", json=basket((product, 1)), headers=admin.auth)
        problem(response, 404, "not-found")
    assert stock_of(client, product) == 10


def test_orders_of_an_erased_account_are_kept_for_accounting(
    client: httpx2.Client, admin: Account, kettle: dict[str, Any]
) -> None:
    """An administrator can read the order unchanged. The owner's token is refused."""
    buyer = sign_up(client)
    made = placed(client, buyer, (kettle, 1))
    client.delete(buyer.url, headers={**buyer.auth, "If-Match": "*"}).raise_for_status()
    problem(client.get(made.headers["Location"], headers=buyer.auth), 401, "invalid-token")
    read = client.get(made.headers["Location"], headers=admin.auth)
    assert (read.status_code, read.content) == (200, made.content)

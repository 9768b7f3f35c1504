"""Helpers for products, stock and orders."""

import secrets
from typing import Any

import httpx2

from tests.accounts import Account

_REPLAYED_HEADERS = ("Location", "ETag", "Content-Type", "Cache-Control")


def price(amount: str) -> dict[str, str]:
    """Return an amount of money in euro, as JSON."""
    return {"amount": amount, "currency": "EUR"}


def product_body(**changes: Any) -> dict[str, Any]:
    """Return a valid body of a product, with these changes."""
    sku = f"sku-{secrets.token_hex(8)}"
    return {"sku": sku, "name": "Kettle", "price": price("24.90"), "stock": 10, **changes}


def new_product(client: httpx2.Client, admin: Account, **changes: Any) -> dict[str, Any]:
    """Create a product, and return the body of the response."""
    response = client.post("/api/products", json=product_body(**changes), headers=admin.auth)
    assert response.status_code == 201, response.text
    product: dict[str, Any] = response.json()
    return product


def product_url(product: dict[str, Any]) -> str:
    """Return the path of a product."""
    return f"/api/products/{product['id']}"


def stock_of(client: httpx2.Client, product: dict[str, Any]) -> int:
    """Return how many pieces of a product are in stock."""
    response = client.get(product_url(product))
    assert response.status_code == 200, response.text
    return int(response.json()["stock"])


def edit(
    client: httpx2.Client, admin: Account, product: dict[str, Any], **changes: Any
) -> httpx2.Response:
    """Change a product, whatever its current version."""
    headers = {**admin.auth, "If-Match": "*"}
    return client.patch(product_url(product), json=changes, headers=headers)


def basket(*items: tuple[dict[str, Any], int]) -> dict[str, Any]:
    """Return the body of an order. Each item is a product and its quantity."""
    return {
        "items": [
            {"product_id": product["id"], "quantity": quantity} for product, quantity in items
        ]
    }


def order(
    client: httpx2.Client,
    buyer: Account,
    *items: tuple[dict[str, Any], int],
    key: str | None = None,
) -> httpx2.Response:
    """Send an order, with an Idempotency-Key if `key` is not None."""
    headers = buyer.auth if key is None else {**buyer.auth, "Idempotency-Key": key}
    return client.post(f"{buyer.url}/orders", json=basket(*items), headers=headers)


def placed(
    client: httpx2.Client, buyer: Account, *items: tuple[dict[str, Any], int]
) -> httpx2.Response:
    """Place an order. Assert that this succeeds, and return the response."""
    response = order(client, buyer, *items)
    assert response.status_code == 201, response.text
    return response


def move(
    client: httpx2.Client, account: Account, url: str, status: str, etag: str | None = "*"
) -> httpx2.Response:
    """Request another status of an order.

    The default `etag` matches any version of the order. With None, If-Match is not sent.
    """
    headers = account.auth if etag is None else {**account.auth, "If-Match": etag}
    return client.patch(url, json={"status": status}, headers=headers)


def new_key() -> str:
    """Return a new idempotency key."""
    return secrets.token_hex(8)


def assert_replay(repeated: httpx2.Response, first: httpx2.Response) -> None:
    """Assert that a response repeats the first one byte for byte, and is marked as a replay."""
    assert (repeated.status_code, repeated.content) == (201, first.content), repeated.text
    assert [repeated.headers[name] for name in _REPLAYED_HEADERS] == [
        first.headers[name] for name in _REPLAYED_HEADERS
    ]
    assert repeated.headers["Idempotency-Replayed"] == "true"


def orders_of(client: httpx2.Client, buyer: Account) -> list[dict[str, Any]]:
    """Return the newest orders of a user, at most 100."""
    response = client.get(f"{buyer.url}/orders?limit=100", headers=buyer.auth)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items

"""A shop for the tests: products in stock, orders of them, and the steps that orders take."""

import secrets
from typing import Any

import httpx2

from tests.accounts import Account

EURO = "EUR"


def price(amount: str) -> dict[str, str]:
    """Return an amount of money as it goes over the wire."""
    return {"amount": amount, "currency": EURO}


def product_body(**changes: Any) -> dict[str, Any]:
    """Return the body of a product that would be accepted, but for the changes."""
    sku = f"sku-{secrets.token_hex(8)}"
    return {"sku": sku, "name": "Kettle", "price": price("24.90"), "stock": 10, **changes}


def new_product(client: httpx2.Client, admin: Account, **changes: Any) -> dict[str, Any]:
    """Add a product, and return it as the service shows it."""
    response = client.post("/api/products", json=product_body(**changes), headers=admin.auth)
    assert response.status_code == 201, response.text
    product: dict[str, Any] = response.json()
    return product


def product_url(product: dict[str, Any]) -> str:
    """Return the path of a product."""
    return f"/api/products/{product['id']}"


def stock_of(client: httpx2.Client, product: dict[str, Any]) -> int:
    """Ask how many pieces are left."""
    response = client.get(product_url(product))
    assert response.status_code == 200, response.text
    return int(response.json()["stock"])


def edit(
    client: httpx2.Client, admin: Account, product: dict[str, Any], **changes: Any
) -> httpx2.Response:
    """Change a product, whatever its version."""
    headers = {**admin.auth, "If-Match": "*"}
    return client.patch(product_url(product), json=changes, headers=headers)


def basket(*items: tuple[dict[str, Any], int]) -> dict[str, Any]:
    """Return the body of an order: products and how many of each."""
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
    """Ask for an order, under an idempotency key if there is one."""
    headers = buyer.auth if key is None else {**buyer.auth, "Idempotency-Key": key}
    return client.post(f"{buyer.url}/orders", json=basket(*items), headers=headers)


def placed(
    client: httpx2.Client, buyer: Account, *items: tuple[dict[str, Any], int]
) -> httpx2.Response:
    """Place an order that succeeds."""
    response = order(client, buyer, *items)
    assert response.status_code == 201, response.text
    return response


def move(
    client: httpx2.Client, who: Account, url: str, status: str, etag: str | None = "*"
) -> httpx2.Response:
    """Ask for an order's next step; for any version of it, unless an ETag says which."""
    headers = who.auth if etag is None else {**who.auth, "If-Match": etag}
    return client.patch(url, json={"status": status}, headers=headers)


_KEPT = ("Location", "ETag", "Content-Type", "Cache-Control")


def new_key() -> str:
    """Return an idempotency key that nobody has used."""
    return secrets.token_hex(8)


def replays(repeated: httpx2.Response, first: httpx2.Response) -> None:
    """Assert that this is the first answer once more, byte for byte, and says so."""
    assert (repeated.status_code, repeated.content) == (201, first.content), repeated.text
    assert [repeated.headers[name] for name in _KEPT] == [first.headers[name] for name in _KEPT]
    assert repeated.headers["Idempotency-Replayed"] == "true"


def orders_of(client: httpx2.Client, buyer: Account) -> list[dict[str, Any]]:
    """List somebody's newest orders."""
    response = client.get(f"{buyer.url}/orders?limit=100", headers=buyer.auth)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items

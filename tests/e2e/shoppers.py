"""A shop in a local stack, and the requests of its customers."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Self

import httpx2

from lab.bench.load.calls import Call
from tests.accounts import Account, new_admin, sign_up, signup_body
from tests.integration.shop import basket, new_key, new_product, product_url

OPENING_STOCK = 1_000_000


@dataclass(frozen=True)
class Shop:
    """One product, an administrator and a buyer, in the service at a port."""

    port: int
    admin: Account
    buyer: Account
    product: dict[str, Any]

    @classmethod
    def open(cls, port: int, database_url: str) -> Self:
        """Create the product and both accounts in the service at that port."""
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            admin = new_admin(client, database_url)
            product = new_product(client, admin, stock=OPENING_STOCK)
            return cls(port, admin, sign_up(client), product)

    def order(self, key: str) -> Call:
        """Return an order for one piece of the product, with this idempotency key."""
        headers = {**self.buyer.auth, "Idempotency-Key": key}
        path, body = f"{self.buyer.url}/orders", basket((self.product, 1))
        return Call(self.port, "POST", path, 201, headers, body)

    def cancel(self, order: int) -> Call:
        """Return the cancellation of an order of the buyer, for any version of the order."""
        headers = {**self.buyer.auth, "If-Match": "*"}
        path = f"{self.buyer.url}/orders/{order}"
        return Call(self.port, "PATCH", path, 200, headers, {"status": "cancelled"})

    def sign_up(self) -> Call:
        """Return the signup of a new user."""
        return Call(self.port, "POST", "/api/users", 201, content=signup_body())

    def read(self, path: str, *, on_new_connection: bool = False) -> Call:
        """Return a GET request of the signed-in buyer."""
        headers = self.buyer.auth
        return Call(self.port, "GET", path, 200, headers, on_new_connection=on_new_connection)

    def visits(self) -> Iterator[Call]:
        """Yield calls without end: of 200 calls, 1 is a signup, 10 are orders, and 189 are reads.

        20 of the reads use a new connection.

        Signups are rare, because each signup hashes a password, which takes 25 ms of CPU time.
        Orders are rare, because each order invalidates the cached products. The next read then gets
        them from PostgreSQL.
        """
        for number in count():
            if number % 200 == 1:
                yield self.sign_up()
            elif number % 20 == 0:
                yield self.order(new_key())
            elif number % 10 == 5:
                yield self.read(product_url(self.product), on_new_connection=True)
            elif number % 3:
                yield self.read(self.buyer.url)
            else:
                yield self.read("/api/products")

"""A failed write invalidates reads only if its outcome is unknown or its If-Match is old."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from lab.stack.processes.waiting import wait_until
from tests.accounts import PASSWORD, Account, new_admin, sign_up
from tests.conftest import NewDatabase, StartService
from tests.integration.faults import unavailable
from tests.integration.proxy import Delay, PostgresProxy
from tests.integration.shop import edit, move, new_product, order, placed, product_body, product_url

Pair = tuple[httpx2.Client, httpx2.Client]


class _Shop:
    """Two clients, an order, and all reads that depend on the order. The first client writes."""

    def __init__(self, pair: Pair, admin: Account, buyer: Account) -> None:
        self.pair, self.admin, self.buyer = pair, admin, buyer
        self.product, self.other = new_product(pair[0], admin), new_product(pair[0], admin)
        self.url = placed(pair[0], buyer, (self.product, 1)).headers["Location"]

    def order(self, quantity: int) -> httpx2.Response:
        return order(self.pair[0], self.buyer, (self.product, quantity))

    def move(self, step: str, account: Account | None = None) -> httpx2.Response:
        return move(self.pair[0], account or self.buyer, self.url, step)

    def edit(self, **changes: Any) -> httpx2.Response:
        return edit(self.pair[0], self.admin, self.product, **changes)

    def add(self, sku: str) -> httpx2.Response:
        body = product_body(sku=sku)
        return self.pair[0].post("/api/products", json=body, headers=self.admin.auth)

    def rename(self, etag: str = "*") -> httpx2.Response:
        headers = {**self.buyer.auth, "If-Match": etag}
        return self.pair[0].patch(self.buyer.url, json={"name": "New"}, headers=headers)

    def change_email(self, email: str) -> httpx2.Response:
        body = {"email": email, "current_password": PASSWORD}
        return self.pair[0].put(f"{self.buyer.url}/email", json=body, headers=self.buyer.auth)

    def change_email_of_buyer(self, email: str) -> httpx2.Response:
        body, headers = {"email": email}, self.admin.auth
        return self.pair[0].put(f"{self.buyer.url}/email", json=body, headers=headers)

    def read(self) -> list[httpx2.Response]:
        """Send every read with both clients, first with the client that does not write."""
        paths = ("/api/products?limit=100", product_url(self.product), self.buyer.url)
        return [
            client.get(path, headers=self.buyer.auth)
            for client in reversed(self.pair)
            for path in (*paths, f"{self.buyer.url}/orders", self.url)
        ]


def _cache_outcomes(responses: list[httpx2.Response]) -> set[str]:
    assert {response.status_code for response in responses} == {200}
    return {response.headers["X-Cache"] for response in responses}


@pytest.mark.parametrize(
    ("status", "write"),
    [
        (409, lambda shop: shop.order(11)),
        (409, lambda shop: shop.move("shipped", account=shop.admin)),
        (403, lambda shop: shop.move("paid")),
        (409, lambda shop: shop.add(shop.product["sku"])),
        (409, lambda shop: shop.edit(sku=shop.other["sku"])),
        (409, lambda shop: shop.change_email(shop.admin.email)),
        (409, lambda shop: shop.change_email_of_buyer(shop.admin.email)),
    ],
    ids=["stock", "step", "role", "sku", "edit", "email", "email by an administrator"],
)
def test_a_refused_write_invalidates_nothing(
    client: httpx2.Client, admin: Account, ahmed: Account, status: int,
    write: Callable[[_Shop], httpx2.Response],
) -> None:  # fmt: skip
    """A refused write is rolled back, so the cached reads stay hits with the same bytes."""
    shop = _Shop((client, client), admin, ahmed)
    shop.read()
    before = shop.read()
    assert write(shop).status_code == status
    after = shop.read()
    assert [it.content for it in after] == [it.content for it in before]
    assert _cache_outcomes(after) == {"hit"}


def test_a_failed_precondition_invalidates_the_resource(
    client: httpx2.Client, admin: Account, ahmed: Account
) -> None:
    """The client may have read its old version from the cache, so the cached read is invalidated.

    The cache has an old version if a writer was killed between its commit and its invalidation.
    """
    shop = _Shop((client, client), admin, ahmed)
    shop.read()
    assert _cache_outcomes([client.get(ahmed.url, headers=ahmed.auth)]) == {"hit"}
    assert shop.rename('"old"').status_code == 412
    assert _cache_outcomes([client.get(ahmed.url, headers=ahmed.auth)]) == {"miss"}


@pytest.fixture(scope="module")
def own_url(new_tables: NewDatabase) -> str:
    """A database of this module only, whose connections tests can break."""
    return new_tables()


@pytest.fixture(scope="module")
def pair(start_service: StartService, own_url: str, proxied: tuple[PostgresProxy, str]) -> Pair:
    """Two processes with the same Redis and database. Only the first uses the database proxy."""
    settings = {
        "REDIS_KEY_PREFIX": f"outcomes-{own_url[-12:]}",
        "REDIS_TIMEOUT": "2",
        "REQUEST_TIMEOUT": "2",
        "DATABASE_STATEMENT_TIMEOUT": "1.5",
    }
    first = start_service(**settings, DATABASE_URL=proxied[1])
    return first.client, start_service(**settings, DATABASE_URL=own_url).client


@pytest.fixture
def shop(pair: Pair, own_url: str) -> _Shop:
    """A shop whose reads are cached in every process."""
    shop = _Shop(pair, new_admin(pair[0], own_url), sign_up(pair[0]))
    # While invalidations of the previous test are pending, reads bypass the cache.
    assert wait_until(lambda: _cache_outcomes(shop.read()) == {"hit"}, timeout_s=10)
    return shop


_CHANGES: dict[str, Callable[[_Shop], httpx2.Response]] = {
    "order": lambda shop: shop.order(4),
    "cancel": lambda shop: shop.move("cancelled"),
    "edit": lambda shop: shop.edit(name="New"),
    "rename": lambda shop: shop.rename(),
}


def _is_current(change: str, found: list[httpx2.Response]) -> list[bool]:
    products, product, user, orders, order = [it.json() for it in found]
    return {
        "order": [product["stock"] == 5, len(orders["items"]) == 2],
        "cancel": [
            product["stock"] == 10,
            order["status"] == "cancelled",
            orders["items"] == [order],
        ],
        "edit": [product["name"] == "New", product in products["items"]],
        "rename": [user["name"] == "New"],
    }[change]


def _assert_current(change: str, shop: _Shop) -> None:
    found = shop.read()
    half = len(found) // 2
    for responses in (found[:half], found[half:]):
        assert all(_is_current(change, responses)), responses  # check F11


@pytest.mark.slow
@pytest.mark.parametrize("change", _CHANGES)
def test_a_write_with_an_unknown_outcome_is_visible(
    shop: _Shop, proxied: tuple[PostgresProxy, str], change: str
) -> None:
    """The commit succeeds but its reply is lost. The client gets 503; all reads show the write."""
    proxied[0].cut = "reply"
    unavailable(_CHANGES[change](shop), "unavailable")
    for _ in range(2):
        _assert_current(change, shop)


@pytest.mark.slow
@pytest.mark.parametrize("change", _CHANGES)
def test_a_write_that_was_cancelled_during_its_commit_is_visible(
    shop: _Shop, proxied: tuple[PostgresProxy, str], change: str
) -> None:
    """The commit's reply comes after the deadline. The client gets 503; reads show the write."""
    # The null byte ends the statement. Without this byte, the marker would also match the
    # statement at the beginning of a transaction, which contains `READ COMMITTED`.
    delay = proxied[0].delay = Delay(b"COMMIT\0")
    try:
        unavailable(_CHANGES[change](shop), "deadline-exceeded")
        assert delay.answered.is_set()
        for _ in range(3):
            _assert_current(change, shop)
    finally:
        delay.released.set()
    _assert_current(change, shop)

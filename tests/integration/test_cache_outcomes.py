"""What is forgotten when a write does not succeed: nothing that was refused, all that may be."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from tests.accounts import PASSWORD, Account, new_admin, sign_up
from tests.conftest import NewDatabase, StartService
from tests.integration.faults import unavailable
from tests.integration.proxy import Delay, Wire, wire_to
from tests.integration.shop import (
    edit,
    move,
    new_product,
    order,
    placed,
    product_body,
    product_url,
)

Pair = tuple[httpx2.Client, httpx2.Client]


class _Shop:
    """Two processes, somebody who buys, and what is read about it; the first one writes."""

    def __init__(self, pair: Pair, admin: Account, buyer: Account) -> None:
        self.pair, self.admin, self.buyer = pair, admin, buyer
        self.product, self.other = new_product(pair[0], admin), new_product(pair[0], admin)
        self.url = placed(pair[0], buyer, (self.product, 1)).headers["Location"]

    def order(self, quantity: int) -> httpx2.Response:
        return order(self.pair[0], self.buyer, (self.product, quantity))

    def move(self, step: str, etag: str = "*", who: Account | None = None) -> httpx2.Response:
        return move(self.pair[0], who or self.buyer, self.url, step, etag)

    def edit(self, **changes: Any) -> httpx2.Response:
        return edit(self.pair[0], self.admin, self.product, **changes)

    def add(self, sku: str) -> httpx2.Response:
        body = product_body(sku=sku)
        return self.pair[0].post("/api/products", json=body, headers=self.admin.auth)

    def rename(self, etag: str = "*", **changes: Any) -> httpx2.Response:
        headers = {**self.buyer.auth, "If-Match": etag}
        return self.pair[0].patch(self.buyer.url, json=changes, headers=headers)

    def read(self) -> list[httpx2.Response]:
        """Read everything in every process, the one that does not write first."""
        paths = ("/api/products?limit=100", product_url(self.product), self.buyer.url)
        return [
            client.get(path, headers=self.buyer.auth)
            for client in reversed(self.pair)
            for path in (*paths, f"{self.buyer.url}/orders", self.url)
        ]


def _outcomes(responses: list[httpx2.Response]) -> set[str]:
    assert {response.status_code for response in responses} == {200}
    return {response.headers["X-Cache"] for response in responses}


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        (409, lambda shop: shop.order(11)),
        (409, lambda shop: shop.move("shipped", who=shop.admin)),
        (403, lambda shop: shop.move("paid")),
        (409, lambda shop: shop.add(shop.product["sku"])),
        (409, lambda shop: shop.edit(sku=shop.other["sku"])),
        (409, lambda shop: shop.rename(email=shop.admin.email, current_password=PASSWORD)),
    ],
    ids=["stock", "step", "role", "sku", "edit", "email"],
)
def test_what_is_refused_is_not_forgotten(
    client: httpx2.Client, admin: Account, ahmed: Account, status: int,
    refused: Callable[[_Shop], httpx2.Response],
) -> None:  # fmt: skip
    """It was rolled back: all that was read before is a hit, with the same bytes."""
    shop = _Shop((client, client), admin, ahmed)
    shop.read()
    before = shop.read()
    assert refused(shop).status_code == status
    after = shop.read()
    assert [it.content for it in after] == [it.content for it in before]
    assert _outcomes(after) == {"hit"}


def test_an_old_version_that_somebody_names_is_not_shown_again(
    client: httpx2.Client, admin: Account, ahmed: Account
) -> None:
    """They may have read it here, from a writer that was killed before it could tell of its own."""
    shop = _Shop((client, client), admin, ahmed)
    shop.read()
    assert _outcomes([client.get(ahmed.url, headers=ahmed.auth)]) == {"hit"}
    assert shop.rename('"old"', name="New").status_code == 412
    assert _outcomes([client.get(ahmed.url, headers=ahmed.auth)]) == {"miss"}


@pytest.fixture(scope="module")
def own_url(new_tables: NewDatabase) -> str:
    """A database whose connections may be mistreated."""
    return new_tables()


@pytest.fixture(scope="module")
def laid(own_url: str) -> Iterator[tuple[Wire, str]]:
    """A wire to it that can be held up or cut."""
    with wire_to(own_url) as laid:
        yield laid


@pytest.fixture(scope="module")
def pair(start_service: StartService, own_url: str, laid: tuple[Wire, str]) -> Pair:
    """Two processes on one Redis and one database; the first is at the end of the wire."""
    settings = {
        "REDIS_KEY_PREFIX": f"outcomes-{own_url[-12:]}",
        "REDIS_TIMEOUT": "2",
        "REQUEST_TIMEOUT": "2",
        "DATABASE_STATEMENT_TIMEOUT": "1.5",
    }
    first = start_service(**settings, DATABASE_URL=laid[1])
    return first.client, start_service(**settings, DATABASE_URL=own_url).client


@pytest.fixture
def shop(pair: Pair, own_url: str) -> _Shop:
    """Something to change there, which every process has at hand."""
    shop = _Shop(pair, new_admin(pair[0], own_url), sign_up(pair[0]))
    deadline = time.monotonic() + 10
    while _outcomes(shop.read()) != {"hit"}:
        # The test before may have left something of which Redis has yet to be told.
        assert time.monotonic() < deadline
    return shop


_CHANGES: dict[str, Callable[[_Shop], httpx2.Response]] = {
    "order": lambda shop: shop.order(4),
    "cancel": lambda shop: shop.move("cancelled"),
    "edit": lambda shop: shop.edit(name="New"),
    "rename": lambda shop: shop.rename(name="New"),
}


def _is_new(change: str, found: list[httpx2.Response]) -> list[bool]:
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


def _sees(change: str, shop: _Shop) -> None:
    found = shop.read()
    half = len(found) // 2
    for those in (found[:half], found[half:]):
        assert all(_is_new(change, those)), those  # check F11


@pytest.mark.slow
@pytest.mark.parametrize("change", _CHANGES)
def test_a_write_whose_outcome_is_not_known_is_not_hidden(
    shop: _Shop, laid: tuple[Wire, str], change: str
) -> None:
    """The commit took effect and its reply was lost: 503, and everybody sees what is new."""
    laid[0].cut = "reply"
    unavailable(_CHANGES[change](shop), "unavailable")
    for _ in range(2):
        _sees(change, shop)


@pytest.mark.slow
@pytest.mark.parametrize("change", _CHANGES)
def test_a_write_that_was_given_up_while_it_committed_is_not_hidden(
    shop: _Shop, laid: tuple[Wire, str], change: str
) -> None:
    """The commit took effect, its reply does not come before the deadline, or long after it."""
    # Not a transaction's beginning, which is at `READ COMMITTED`.
    delay = laid[0].delay = Delay(b"COMMIT\0")
    try:
        unavailable(_CHANGES[change](shop), "deadline-exceeded")
        assert delay.answered.is_set()
        for _ in range(3):
            _sees(change, shop)
    finally:
        delay.over.set()
    _sees(change, shop)

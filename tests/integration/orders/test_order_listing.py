"""Paginated lists of orders and products."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.accounts import Account, sign_up
from tests.integration.shop import move, new_product, placed
from tests.integration.wire import problem

ORDER_COUNT = 12


@pytest.fixture(scope="module")
def kettle(client: httpx2.Client, admin: Account) -> dict[str, Any]:
    """A product that is always in stock."""
    return new_product(client, admin, stock=1_000_000)


@pytest.fixture(scope="module")
def buyer_with_orders(client: httpx2.Client, admin: Account, kettle: dict[str, Any]) -> Account:
    """A user with twelve orders: eight are pending, three are paid, and one is shipped."""
    buyer = sign_up(client)
    urls = [placed(client, buyer, (kettle, 1)).headers["Location"] for _ in range(ORDER_COUNT)]
    for url in urls[::3]:
        move(client, admin, url, "paid").raise_for_status()
    move(client, admin, urls[0], "shipped").raise_for_status()
    return buyer


def _pages(client: httpx2.Client, account: Account, url: str) -> Iterator[list[dict[str, Any]]]:
    while url:
        response = client.get(url, headers=account.auth)
        assert response.status_code == 200, response.text
        page = response.json()
        assert list(page) == ["items", "next_cursor"]  # check 27
        assert (page["next_cursor"] is None) == ("next" not in response.links)
        yield page["items"]
        url = response.links.get("next", {}).get("url", "")


def _all(client: httpx2.Client, account: Account, url: str) -> list[dict[str, Any]]:
    return [item for page in _pages(client, account, url) for item in page]


def test_orders_are_listed_newest_first(client: httpx2.Client, buyer_with_orders: Account) -> None:
    """Each order is listed once, with the same JSON as at its own path."""
    pages = list(_pages(client, buyer_with_orders, f"{buyer_with_orders.url}/orders?limit=5"))
    assert [len(page) for page in pages] == [5, 5, 2]
    listed = [item for page in pages for item in page]
    ids = [item["id"] for item in listed]
    assert ids == sorted(set(ids), reverse=True)
    assert len(ids) == ORDER_COUNT
    for item in listed:
        read = client.get(
            f"{buyer_with_orders.url}/orders/{item['id']}", headers=buyer_with_orders.auth
        )
        assert read.json() == item


def test_a_full_last_page_has_no_next_link(
    client: httpx2.Client, buyer_with_orders: Account
) -> None:
    """A client that follows the links never gets an empty page."""
    pages = list(
        _pages(
            client, buyer_with_orders, f"{buyer_with_orders.url}/orders?limit={ORDER_COUNT // 2}"
        )
    )
    assert [len(page) for page in pages] == [ORDER_COUNT // 2] * 2


@pytest.mark.parametrize(
    ("status", "count"), [("pending", 8), ("paid", 3), ("shipped", 1), ("cancelled", 0)]
)
def test_orders_are_listed_by_status(
    client: httpx2.Client, buyer_with_orders: Account, status: str, count: int
) -> None:
    """The links of a page keep the filter by status. No shared cache may store a page."""
    url = f"{buyer_with_orders.url}/orders?status={status}&limit=2"
    found = _all(client, buyer_with_orders, url)
    everything = _all(client, buyer_with_orders, f"{buyer_with_orders.url}/orders")
    assert found == [item for item in everything if item["status"] == status]
    assert len(found) == count
    first = client.get(url, headers=buyer_with_orders.auth)
    assert first.links["first"]["url"] == url
    assert first.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("status", ["", "lost", "Paid", "paid,shipped"])
def test_an_invalid_status_gets_422(
    client: httpx2.Client, buyer_with_orders: Account, status: str
) -> None:
    """The service does not replace an invalid value by a valid one."""
    url = f"{buyer_with_orders.url}/orders?status={status}"
    document = problem(client.get(url, headers=buyer_with_orders.auth), 422, "invalid-content")
    assert [error["parameter"] for error in document["errors"]] == ["status"]


def test_a_cursor_of_another_list_gets_400(
    client: httpx2.Client, admin: Account, bettina: Account, kettle: dict[str, Any]
) -> None:
    """A cursor is valid only for the same kind of list, the same user and the same status."""
    for _ in range(2):
        placed(client, bettina, (kettle, 1))
    new_product(client, admin)
    url = f"{bettina.url}/orders?limit=1"
    cursor = client.get(url, headers=bettina.auth).json()["next_cursor"]
    products = client.get("/api/products?limit=1").json()["next_cursor"]
    assert client.get(f"{url}&cursor={cursor}", headers=bettina.auth).status_code == 200
    foreign = [
        f"{url}&status=pending&cursor={cursor}",
        f"{admin.url}/orders?limit=1&cursor={cursor}",
        f"{url}&cursor={products}",
        f"/api/products?limit=1&cursor={cursor}",
        f"/api/users?limit=1&cursor={products}",
    ]
    for path in foreign:
        response = client.get(path, headers=admin.auth)
        problem(response, 400, "malformed-cursor")  # check 43


def test_only_pages_that_next_links_lead_to_are_cached(
    client: httpx2.Client, bettina: Account, kettle: dict[str, Any]
) -> None:
    """A cursor is also valid with another limit. The page is then correct, but not cached."""
    ids = [placed(client, bettina, (kettle, 1)).json()["id"] for _ in range(5)][::-1]
    url = f"{bettina.url}/orders"
    cursor = client.get(f"{url}?limit=1", headers=bettina.auth).json()["next_cursor"]
    outcomes = {1: ["miss", "hit", "hit"], 2: ["bypass"] * 3, 100: ["bypass"] * 3}
    for limit, expected in outcomes.items():
        target = f"{url}?limit={limit}&cursor={cursor}"
        pages = [client.get(target, headers=bettina.auth) for _ in expected]
        assert [page.headers["X-Cache"] for page in pages] == expected  # check 43
        for page in pages:
            assert [item["id"] for item in page.json()["items"]] == ids[1 : 1 + limit]
    # Pages that follow an uncached page are not cached either, whatever their limit is.
    changed = client.get(f"{url}?limit=2&cursor={cursor}", headers=bettina.auth).json()
    for limit in (1, 2):
        target = f"{url}?limit={limit}&cursor={changed['next_cursor']}"
        pages = [client.get(target, headers=bettina.auth) for _ in range(3)]
        assert [page.headers["X-Cache"] for page in pages] == ["bypass"] * 3  # check 43
        assert [item["id"] for item in pages[0].json()["items"]] == ids[3 : 3 + limit]


def test_new_orders_during_paging_cause_no_repeated_or_missing_orders(
    client: httpx2.Client, bettina: Account, kettle: dict[str, Any]
) -> None:
    """Each earlier order is listed exactly once. Orders placed meanwhile are not listed."""
    before = [placed(client, bettina, (kettle, 1)).json()["id"] for _ in range(7)]
    url, listed = f"{bettina.url}/orders?limit=2", []
    for page in _pages(client, bettina, url):
        listed += [item["id"] for item in page]
        placed(client, bettina, (kettle, 1))
    assert listed == before[::-1]
    assert len(_all(client, bettina, url)) == 7 + 4


def test_a_status_change_during_paging_does_not_disturb_the_pages(
    client: httpx2.Client, bettina: Account, kettle: dict[str, Any]
) -> None:
    """The last order of each page is cancelled. The next page continues after this order."""
    urls = [placed(client, bettina, (kettle, 1)).headers["Location"] for _ in range(6)]
    listed: list[str] = []
    for page in _pages(client, bettina, f"{bettina.url}/orders?limit=2&status=pending"):
        listed += [f"{bettina.url}/orders/{item['id']}" for item in page]
        move(client, bettina, listed[-1], "cancelled").raise_for_status()
    assert listed == urls[::-1]


def test_products_are_listed_oldest_first(
    client: httpx2.Client, admin: Account, shared_user: Account
) -> None:
    """A product that is added during paging is at the end. Listing products needs no token."""
    for _ in range(5):
        new_product(client, admin)
    before = [item["id"] for item in _all(client, shared_user, "/api/products?limit=100")]
    listed: list[int] = []
    limit = len(before) // 3
    for page in _pages(client, shared_user, f"/api/products?limit={limit}"):
        listed += [item["id"] for item in page]
        if len(listed) == limit:
            new_product(client, admin)
    assert listed[: len(before)] == before == sorted(set(before))
    assert len(listed) == len(before) + 1
    assert client.get(f"/api/products?limit={limit}").json()["items"][0]["id"] == listed[0]

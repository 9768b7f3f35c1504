"""Orders and products in pages."""

import base64
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.accounts import Account, sign_up
from tests.integration.shop import move, new_product, placed
from tests.integration.wire import problem

_LINK = re.compile(r'<([^<>]+)>; rel="(\w+)"')
ORDERS = 12


@pytest.fixture(scope="module")
def kettle(client: httpx2.Client, admin: Account) -> dict[str, Any]:
    """A product of which there is always enough."""
    return new_product(client, admin, stock=1_000_000)


@pytest.fixture(scope="module")
def regular(client: httpx2.Client, admin: Account, kettle: dict[str, Any]) -> Account:
    """Somebody with a dozen orders; each third one is paid, and of these the first shipped."""
    buyer = sign_up(client)
    urls = [placed(client, buyer, (kettle, 1)).headers["Location"] for _ in range(ORDERS)]
    for url in urls[::3]:
        move(client, admin, url, "paid").raise_for_status()
    move(client, admin, urls[0], "shipped").raise_for_status()
    return buyer


def _links(response: httpx2.Response) -> dict[str, str]:
    return {relation: target for target, relation in _LINK.findall(response.headers["Link"])}


def _pages(client: httpx2.Client, who: Account, url: str) -> Iterator[list[dict[str, Any]]]:
    while url:
        response = client.get(url, headers=who.auth)
        assert response.status_code == 200, response.text
        page = response.json()
        assert list(page) == ["items", "next_cursor"]  # check 27
        assert (page["next_cursor"] is None) == ("next" not in _links(response))
        yield page["items"]
        url = _links(response).get("next", "")


def _all(client: httpx2.Client, who: Account, url: str) -> list[dict[str, Any]]:
    return [item for page in _pages(client, who, url) for item in page]


def test_orders_are_listed_newest_first_as_they_are_read(
    client: httpx2.Client, regular: Account
) -> None:
    """Page by page, each once; every one with its lines, as under its own path."""
    pages = list(_pages(client, regular, f"{regular.url}/orders?limit=5"))
    assert [len(page) for page in pages] == [5, 5, 2]
    listed = [item for page in pages for item in page]
    ids = [item["id"] for item in listed]
    assert ids == sorted(set(ids), reverse=True)
    assert len(ids) == ORDERS
    for item in listed:
        read = client.get(f"{regular.url}/orders/{item['id']}", headers=regular.auth)
        assert read.json() == item


def test_a_full_last_page_has_no_next(client: httpx2.Client, regular: Account) -> None:
    """Whoever follows the links never comes to an empty page."""
    pages = list(_pages(client, regular, f"{regular.url}/orders?limit={ORDERS // 2}"))
    assert [len(page) for page in pages] == [ORDERS // 2] * 2


def test_a_list_of_orders_is_private_and_has_an_etag(
    client: httpx2.Client, regular: Account
) -> None:
    """A page of its own version."""
    url = f"{regular.url}/orders?limit=3"
    response = client.get(url, headers=regular.auth)
    assert response.headers["Cache-Control"] == "private, no-cache"
    headers = {**regular.auth, "If-None-Match": response.headers["ETag"]}
    again = client.get(url, headers=headers)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["Link"] == response.headers["Link"]


@pytest.mark.parametrize(
    ("status", "many"), [("pending", 8), ("paid", 3), ("shipped", 1), ("cancelled", 0)]
)
def test_orders_are_listed_by_status(
    client: httpx2.Client, regular: Account, status: str, many: int
) -> None:
    """The links go on with the same list, the first page among them."""
    url = f"{regular.url}/orders?status={status}&limit=2"
    found = _all(client, regular, url)
    everything = _all(client, regular, f"{regular.url}/orders")
    assert found == [item for item in everything if item["status"] == status]
    assert len(found) == many
    assert _links(client.get(url, headers=regular.auth))["first"] == url


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        *((f"status={wrong}", "status") for wrong in ("", "lost", "Paid", "paid,shipped")),
        *((f"limit={wrong}", "limit") for wrong in ("0", "101", "-1", "x", "1.5", "", "01")),
    ],
)
def test_a_list_that_there_is_not_gets_422(
    client: httpx2.Client, regular: Account, query: str, parameter: str
) -> None:
    """Refused, not bent."""
    response = client.get(f"{regular.url}/orders?{query}", headers=regular.auth)
    document = problem(response, 422, "invalid-content")
    assert [error["parameter"] for error in document["errors"]] == [parameter]


def test_a_damaged_cursor_gets_400(client: httpx2.Client, regular: Account) -> None:
    """Whatever is changed about it; on the list of products too."""
    url = f"{regular.url}/orders"
    cursor = client.get(f"{url}?limit=1", headers=regular.auth).json()["next_cursor"]
    raw = base64.urlsafe_b64decode(cursor)
    changed = [bytes([*raw[:at], raw[at] ^ 1, *raw[at + 1 :]]) for at in range(len(raw))]
    damaged = [base64.urlsafe_b64encode(wrong).decode() for wrong in changed]
    for wrong in [*damaged, "", "x", cursor[:-1], cursor + "A", cursor.lower(), "ü", "A" * 5000]:
        for path in (url, "/api/products"):
            response = client.get(path, params={"cursor": wrong}, headers=regular.auth)
            problem(response, 400, "malformed-cursor")


def test_a_cursor_of_another_list_gets_400(
    client: httpx2.Client, admin: Account, bettina: Account, kettle: dict[str, Any]
) -> None:
    """That of another user's orders, of another status, and of the products; not of itself."""
    for _ in range(2):
        placed(client, bettina, (kettle, 1))
    new_product(client, admin)
    url = f"{bettina.url}/orders?limit=1"
    own = client.get(url, headers=bettina.auth).json()["next_cursor"]
    products = client.get("/api/products?limit=1").json()["next_cursor"]
    assert client.get(f"{url}&cursor={own}", headers=bettina.auth).status_code == 200
    foreign = [
        f"{url}&status=pending&cursor={own}",
        f"{admin.url}/orders?limit=1&cursor={own}",
        f"{url}&cursor={products}",
        f"/api/products?limit=1&cursor={own}",
        f"/api/users?limit=1&cursor={products}",
    ]
    for path in foreign:
        response = client.get(path, headers=admin.auth)
        problem(response, 400, "malformed-cursor")  # check 43


def test_only_what_follows_by_next_is_cached(
    client: httpx2.Client, bettina: Account, kettle: dict[str, Any]
) -> None:
    """A cursor may be used with another limit; that page is the right one, and is not stored."""
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
    # Nor is what follows such a page, with whatever limit.
    changed = client.get(f"{url}?limit=2&cursor={cursor}", headers=bettina.auth).json()
    for limit in (1, 2):
        target = f"{url}?limit={limit}&cursor={changed['next_cursor']}"
        pages = [client.get(target, headers=bettina.auth) for _ in range(3)]
        assert [page.headers["X-Cache"] for page in pages] == ["bypass"] * 3  # check 43
        assert [item["id"] for item in pages[0].json()["items"]] == ids[3 : 3 + limit]


def test_orders_that_come_meanwhile_are_neither_repeated_nor_make_others_be_skipped(
    client: httpx2.Client, bettina: Account, kettle: dict[str, Any]
) -> None:
    """Who was there at the start is seen exactly once; newer ones are on the first page."""
    before = [placed(client, bettina, (kettle, 1)).json()["id"] for _ in range(7)]
    url, seen = f"{bettina.url}/orders?limit=2", []
    for page in _pages(client, bettina, url):
        seen += [item["id"] for item in page]
        placed(client, bettina, (kettle, 1))
    assert seen == before[::-1]
    assert len(_all(client, bettina, url)) == 7 + 4


def test_orders_that_change_meanwhile_leave_the_pages_in_order(
    client: httpx2.Client, bettina: Account, kettle: dict[str, Any]
) -> None:
    """The order by which a cursor was made goes to another state, and paging goes on."""
    urls = [placed(client, bettina, (kettle, 1)).headers["Location"] for _ in range(6)]
    seen: list[str] = []
    for page in _pages(client, bettina, f"{bettina.url}/orders?limit=2&status=pending"):
        seen += [f"{bettina.url}/orders/{item['id']}" for item in page]
        move(client, bettina, seen[-1], "cancelled").raise_for_status()
    assert seen == urls[::-1]


def test_products_are_listed_in_the_order_in_which_they_came(
    client: httpx2.Client, admin: Account, somebody: Account
) -> None:
    """Those that come while somebody pages are at the end; nobody needs a token."""
    for _ in range(5):
        new_product(client, admin)
    before = [item["id"] for item in _all(client, somebody, "/api/products?limit=100")]
    seen: list[int] = []
    limit = len(before) // 3
    for page in _pages(client, somebody, f"/api/products?limit={limit}"):
        seen += [item["id"] for item in page]
        if len(seen) == limit:
            new_product(client, admin)
    assert seen[: len(before)] == before == sorted(set(before))
    assert len(seen) == len(before) + 1
    assert client.get(f"/api/products?limit={limit}").json()["items"][0]["id"] == seen[0]


def test_a_page_of_products_has_100_at_most(client: httpx2.Client) -> None:
    """As every list."""
    for limit in ("0", "101", "x"):
        document = problem(client.get(f"/api/products?limit={limit}"), 422, "invalid-content")
        assert [error["parameter"] for error in document["errors"]] == ["limit"]

"""The steps that an order takes, and who may take them."""

from functools import partial
from typing import Any

import httpx2
import pytest

from tests.accounts import Account
from tests.integration.shop import move, new_product, placed, stock_of
from tests.integration.wire import at_once, pointers, problem, statuses

_WAYS = {
    "pending": [],
    "paid": ["paid"],
    "shipped": ["paid", "shipped"],
    "cancelled": ["cancelled"],
    "cancelled after it was paid": ["paid", "cancelled"],
}
_STATES = ["pending", "paid", "shipped", "cancelled"]
_STEPS = {("pending", "paid"), ("paid", "shipped"), ("pending", "cancelled"), ("paid", "cancelled")}


@pytest.fixture
def product(client: httpx2.Client, admin: Account) -> dict[str, Any]:
    """A product of this test's own, with ten pieces in stock."""
    return new_product(client, admin)


@pytest.fixture
def url(client: httpx2.Client, customer: Account, product: dict[str, Any]) -> str:
    """The path of The customer's order of three pieces."""
    return placed(client, customer, (product, 3)).headers["Location"]


def _bring(client: httpx2.Client, admin: Account, url: str, way: str) -> httpx2.Response:
    for status in _WAYS[way]:
        assert move(client, admin, url, status).status_code == 200
    return client.get(url, headers=admin.auth)


@pytest.mark.parametrize("way", _WAYS)
@pytest.mark.parametrize("wanted", _STATES)
def test_an_order_goes_where_there_is_a_step(
    client: httpx2.Client, admin: Account, product: dict[str, Any], url: str, way: str, wanted: str
) -> None:
    """Pending, paid, shipped; cancelled from pending or paid; 409 for every other pair."""
    before = _bring(client, admin, url, way)
    state = before.json()["status"]
    response = move(client, admin, url, wanted)
    after = client.get(url, headers=admin.auth)
    if (state, wanted) in _STEPS:
        assert response.status_code == 200
        changed = response.json()
        assert changed == {
            **before.json(), "status": wanted, "updated_at": changed["updated_at"]
        }  # fmt: skip
        assert changed["updated_at"] > before.json()["updated_at"]
        assert (after.content, after.headers["ETag"]) == (
            response.content,
            response.headers["ETag"],
        )
    else:
        problem(response, 409, "invalid-transition")
        assert after.headers["ETag"] == before.headers["ETag"]
    back = after.json()["status"] == "cancelled"
    assert stock_of(client, product) == (10 if back else 7)


@pytest.mark.parametrize("way", _WAYS)
@pytest.mark.parametrize("wanted", _STATES)
def test_its_owner_may_cancel_an_order_and_nothing_else(
    client: httpx2.Client, customer: Account, admin: Account, url: str, way: str, wanted: str
) -> None:
    """403 for every other state, wherever the order is; 409 where it cannot be cancelled."""
    before = _bring(client, admin, url, way)
    response = move(client, customer, url, wanted)
    if wanted != "cancelled":
        problem(response, 403, "forbidden")
    elif (before.json()["status"], wanted) in _STEPS:
        assert (response.status_code, response.json()["status"]) == (200, "cancelled")
        return
    else:
        problem(response, 409, "invalid-transition")
    assert client.get(url, headers=customer.auth).headers["ETag"] == before.headers["ETag"]


def test_a_step_names_the_version_it_is_meant_for(
    client: httpx2.Client, customer: Account, url: str
) -> None:
    """428 without If-Match, 412 for another version, a weak tag among them, 400 for no tag."""
    etag = client.get(url, headers=customer.auth).headers["ETag"]
    cancel = partial(move, client, customer, url, "cancelled")
    problem(cancel(None), 428, "precondition-required")
    problem(cancel('"stale"'), 412, "precondition-failed")
    problem(cancel(f"W/{etag}"), 412, "precondition-failed")
    problem(cancel("unquoted"), 400, "malformed-header")
    assert client.get(url, headers=customer.auth).json()["status"] == "pending"
    assert cancel(f'"other", {etag}').status_code == 200
    problem(cancel(etag), 412, "precondition-failed")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/status"),
        ({"status": None}, "/status"),
        ({"status": "lost"}, "/status"),
        ({"status": "Cancelled"}, "/status"),
        ({"status": "cancelled "}, "/status"),
        ({"status": 3}, "/status"),
        ({"status": "cancelled", "total": "0.00"}, "/total"),
        ({"status": "cancelled", "user_id": 1}, "/user_id"),
        ({"status": "cancelled", "items": []}, "/items"),
    ],
)
def test_what_is_no_step_gets_422(
    client: httpx2.Client, customer: Account, url: str, body: Any, pointer: str
) -> None:
    """Nothing else about an order can be changed."""
    headers = {**customer.auth, "If-Match": "*"}
    assert pointers(client.patch(url, json=body, headers=headers)) == [pointer]  # check 26
    assert client.get(url, headers=customer.auth).json()["status"] == "pending"


@pytest.mark.parametrize(("star", "others"), [(True, 409), (False, 412)])
def test_of_50_cancellations_one_gives_the_stock_back(
    client: httpx2.Client, customer: Account, product: dict[str, Any], url: str, others: int, *,
    star: bool,
) -> None:  # fmt: skip
    """Once, however many ask."""
    etag = "*" if star else client.get(url, headers=customer.auth).headers["ETag"]
    answers = at_once([partial(move, client, customer, url, "cancelled", etag)] * 50)
    assert statuses(answers) == {200: 1, others: 49}  # check F19
    assert stock_of(client, product) == 10


def test_of_cancelling_and_paying_at_once_one_comes_first(
    client: httpx2.Client, customer: Account, admin: Account, product: dict[str, Any]
) -> None:
    """Of one version there is one next; the stock is back if, and only if, it is cancelled."""
    for _ in range(5):
        made = placed(client, customer, (product, 1)).headers
        pay = partial(move, client, admin, made["Location"], "paid", made["ETag"])
        cancel = partial(move, client, customer, made["Location"], "cancelled", made["ETag"])
        assert statuses(at_once([pay, cancel] * 3)) == {200: 1, 412: 5}
        status = client.get(made["Location"], headers=customer.auth).json()["status"]
        if status == "paid":
            assert stock_of(client, product) == 9
            assert move(client, customer, made["Location"], "cancelled").status_code == 200
        assert stock_of(client, product) == 10


def test_a_cancelled_order_gives_back_each_of_its_products(
    client: httpx2.Client, customer: Account, admin: Account
) -> None:
    """As many as were in it, on top of what is there by now; even beyond what may be typed in."""
    some = [new_product(client, admin) for _ in range(3)]
    full = new_product(client, admin, stock=1_000_000_000)
    many = [(product, number) for number, product in enumerate(some, 1)]
    url = placed(client, customer, *reversed(many), (full, 1000)).headers["Location"]
    headers = {**admin.auth, "If-Match": "*"}
    client.patch(f"/api/products/{full['id']}", json={"stock": 1_000_000_000}, headers=headers)
    assert [stock_of(client, product) for product in some] == [9, 8, 7]
    assert move(client, customer, url, "cancelled").status_code == 200
    assert [stock_of(client, product) for product in (*some, full)] == [10, 10, 10, 1_000_001_000]

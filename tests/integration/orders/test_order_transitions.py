"""Transitions between the statuses of an order, and the roles that may request them."""

from functools import partial
from typing import Any

import httpx2
import pytest

from tests.accounts import Account
from tests.integration.shop import edit, move, new_product, placed, stock_of
from tests.integration.wire import at_once, pointers, problem, statuses

_PATHS = {
    "pending": [],
    "paid": ["paid"],
    "shipped": ["paid", "shipped"],
    "cancelled": ["cancelled"],
    "cancelled after it was paid": ["paid", "cancelled"],
}
_STATUSES = ["pending", "paid", "shipped", "cancelled"]
_TRANSITIONS = {
    ("pending", "paid"),
    ("paid", "shipped"),
    ("pending", "cancelled"),
    ("paid", "cancelled"),
}


@pytest.fixture
def product(client: httpx2.Client, admin: Account) -> dict[str, Any]:
    """A product of one test, with ten pieces in stock."""
    return new_product(client, admin)


@pytest.fixture
def url(client: httpx2.Client, customer: Account, product: dict[str, Any]) -> str:
    """The path of an order of three pieces."""
    return placed(client, customer, (product, 3)).headers["Location"]


def _bring_to(client: httpx2.Client, admin: Account, url: str, path: str) -> httpx2.Response:
    for status in _PATHS[path]:
        assert move(client, admin, url, status).status_code == 200
    return client.get(url, headers=admin.auth)


@pytest.mark.parametrize("path", _PATHS)
@pytest.mark.parametrize("requested", _STATUSES)
def test_an_order_changes_status_only_by_an_allowed_transition(
    client: httpx2.Client,
    admin: Account,
    product: dict[str, Any],
    url: str,
    path: str,
    requested: str,
) -> None:
    """Pending to paid to shipped, and pending or paid to cancelled; any other change gets 409."""
    before = _bring_to(client, admin, url, path)
    state = before.json()["status"]
    response = move(client, admin, url, requested)
    after = client.get(url, headers=admin.auth)
    if (state, requested) in _TRANSITIONS:
        assert response.status_code == 200
        changed = response.json()
        assert changed == {
            **before.json(), "status": requested, "updated_at": changed["updated_at"]
        }  # fmt: skip
        assert changed["updated_at"] > before.json()["updated_at"]
        assert after.content == response.content
        assert after.headers["ETag"] == response.headers["ETag"]
    else:
        problem(response, 409, "invalid-transition")
        assert after.headers["ETag"] == before.headers["ETag"]
    back = after.json()["status"] == "cancelled"
    assert stock_of(client, product) == (10 if back else 7)


@pytest.mark.parametrize("path", _PATHS)
@pytest.mark.parametrize("requested", _STATUSES)
def test_the_owner_may_only_cancel_an_order(
    client: httpx2.Client, customer: Account, admin: Account, url: str, path: str, requested: str
) -> None:
    """Any other status gets 403. The cancellation of a shipped or cancelled order gets 409."""
    before = _bring_to(client, admin, url, path)
    response = move(client, customer, url, requested)
    if requested != "cancelled":
        problem(response, 403, "forbidden")
    elif (before.json()["status"], requested) in _TRANSITIONS:
        assert (response.status_code, response.json()["status"]) == (200, "cancelled")
        return
    else:
        problem(response, 409, "invalid-transition")
    assert client.get(url, headers=customer.auth).headers["ETag"] == before.headers["ETag"]


def test_a_status_change_needs_the_current_etag(
    client: httpx2.Client, customer: Account, url: str
) -> None:
    """No If-Match gets 428, another or a weak ETag gets 412, an invalid If-Match gets 400."""
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
        *(({"status": it}, "/status") for it in (None, "lost", "Cancelled", "cancelled ", 3)),
        ({"status": "cancelled", "total": "0.00"}, "/total"),
        ({"status": "cancelled", "user_id": 1}, "/user_id"),
        ({"status": "cancelled", "items": []}, "/items"),
    ],
)
def test_an_invalid_status_change_gets_422(
    client: httpx2.Client, customer: Account, url: str, body: Any, pointer: str
) -> None:
    """The status must be a known one, and no other field of an order can be changed."""
    headers = {**customer.auth, "If-Match": "*"}
    assert pointers(client.patch(url, json=body, headers=headers)) == [pointer]  # check 26
    assert client.get(url, headers=customer.auth).json()["status"] == "pending"


@pytest.mark.parametrize(("star", "others"), [(True, 409), (False, 412)])
def test_of_50_concurrent_cancellations_one_restores_the_stock(
    client: httpx2.Client, customer: Account, product: dict[str, Any], url: str, others: int, *,
    star: bool,
) -> None:  # fmt: skip
    """If all requests send `*`, the others get 409. If all send the ETag, the others get 412."""
    etag = "*" if star else client.get(url, headers=customer.auth).headers["ETag"]
    responses = at_once([partial(move, client, customer, url, "cancelled", etag)] * 50)
    assert statuses(responses) == {200: 1, others: 49}  # check F19
    assert stock_of(client, product) == 10


def test_of_a_concurrent_cancellation_and_payment_one_succeeds(
    client: httpx2.Client, customer: Account, admin: Account, product: dict[str, Any]
) -> None:
    """Only one request can change a version. The stock is restored if the order is cancelled."""
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


def test_a_cancellation_restores_the_stock_of_each_product(
    client: httpx2.Client, customer: Account, admin: Account
) -> None:
    """The quantity is added to the current stock, even beyond the maximum that a client may set."""
    products = [new_product(client, admin) for _ in range(3)]
    full = new_product(client, admin, stock=1_000_000_000)
    many = [(product, number) for number, product in enumerate(products, 1)]
    url = placed(client, customer, *reversed(many), (full, 1000)).headers["Location"]
    edit(client, admin, full, stock=1_000_000_000).raise_for_status()
    assert [stock_of(client, product) for product in products] == [9, 8, 7]
    assert move(client, customer, url, "cancelled").status_code == 200
    assert [stock_of(client, product) for product in products] == [10] * 3
    assert stock_of(client, full) == 1_000_001_000

"""Authorization for orders: a user cannot distinguish another user's order from a missing one."""

from typing import Any

import httpx2
import pytest

from tests.accounts import Account, sign_up
from tests.integration.shop import basket, new_product, placed, stock_of
from tests.integration.wire import JSON, comparable, problem

MISSING = 2**62
_ANY = {"If-Match": "*"}
# Requests to the orders of a user (_LIST), and to one order (_ORDER).
_LIST: list[tuple[str, dict[str, Any]]] = [
    ("GET", {}),
    ("GET", {"params": {"limit": "0"}}),
    ("GET", {"params": {"cursor": "x"}}),
    ("GET", {"params": {"status": "paid"}}),
    ("GET", {"headers": {"If-None-Match": "unquoted"}}),
    ("HEAD", {}),
    ("POST", {}),
    ("POST", {"json": {"items": []}}),
    ("POST", {"json": basket(({"id": 1}, 1))}),
    ("POST", {"json": basket(({"id": MISSING}, 1)), "headers": {"Idempotency-Key": "key"}}),
    ("POST", {"json": basket(({"id": 1}, 1)), "headers": {"Idempotency-Key": '"'}}),
]
_ORDER: list[tuple[str, dict[str, Any]]] = [
    ("GET", {}),
    ("GET", {"headers": {"If-None-Match": "*"}}),
    ("HEAD", {}),
    ("PATCH", {"json": {"status": "cancelled"}, "headers": _ANY}),
    ("PATCH", {"json": {"status": "cancelled"}, "headers": {"If-Match": '"stale"'}}),
    ("PATCH", {"json": {"status": "cancelled"}}),
    ("PATCH", {"json": {"status": "paid"}, "headers": _ANY}),
    ("PATCH", {"json": {"status": "pending"}, "headers": _ANY}),
]
# The service answers these requests before it checks the owner. All but OPTIONS are refused.
_MALFORMED: list[tuple[str, dict[str, Any]]] = [
    ("GET", {"headers": {"If-None-Match": "unquoted"}}),
    ("PATCH", {"json": {"status": "cancelled"}, "headers": {"If-Match": "unquoted"}}),
    ("PATCH", {"json": {"status": "lost"}, "headers": _ANY}),
    ("PATCH", {"json": {"total": "0.00"}, "headers": _ANY}),
    ("PATCH", {"content": b"{", "headers": {**JSON, **_ANY}}),
    ("PATCH", {"content": b"{}", "headers": _ANY}),
    ("GET", {"headers": {"Accept": "text/html"}}),
    ("PUT", {}),
    ("DELETE", {}),
    ("OPTIONS", {}),
]
_Call = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module")
def product(client: httpx2.Client, admin: Account) -> dict[str, Any]:
    """The product of `foreign_order`."""
    return new_product(client, admin)


@pytest.fixture(scope="module")
def owner(client: httpx2.Client) -> Account:
    """The owner of `foreign_order`."""
    return sign_up(client)


@pytest.fixture(scope="module")
def foreign_order(
    client: httpx2.Client, owner: Account, product: dict[str, Any]
) -> httpx2.Response:
    """An order that no test changes."""
    return placed(client, owner, (product, 3))


def _send(client: httpx2.Client, caller: Account | None, url: str, call: _Call) -> httpx2.Response:
    method, options = call
    headers = {**options.get("headers", {}), "X-Request-ID": "the-same"}
    if caller is not None:
        headers |= caller.auth
    return client.request(method, url, **{**options, "headers": headers})


@pytest.mark.parametrize("call", _LIST, ids=str)
def test_another_users_orders_look_like_those_of_a_missing_user(
    client: httpx2.Client,
    other_user: Account,
    owner: Account,
    foreign_order: httpx2.Response,
    call: _Call,
) -> None:
    """Both requests get the same 404, byte for byte, whatever other errors they have."""
    responses = [
        _send(client, other_user, f"/api/users/{user_id}/orders", call)
        for user_id in (owner.id, MISSING)
    ]
    assert responses[0].status_code == 404  # check 24, check 25
    assert comparable(responses[0]) == comparable(responses[1])  # check 24
    assert client.get(f"{owner.url}/orders", headers=owner.auth).json()["items"] == [
        foreign_order.json()
    ]


@pytest.mark.parametrize("call", [*_ORDER, *_MALFORMED], ids=str)
def test_another_users_order_looks_like_a_missing_one(
    client: httpx2.Client, other_user: Account, owner: Account, product: dict[str, Any],
    foreign_order: httpx2.Response, call: _Call,
) -> None:  # fmt: skip
    """The responses are identical under the owner's path, and under the caller's own path."""
    order_id = foreign_order.json()["id"]
    paths = [(owner.url, order_id), (owner.url, MISSING), (f"/api/users/{MISSING}", MISSING)]
    foreign = [
        comparable(_send(client, other_user, f"{user}/orders/{id_}", call)) for user, id_ in paths
    ]
    assert foreign[0] == foreign[1] == foreign[2]  # check 24, check 25
    own = [
        _send(client, other_user, f"{other_user.url}/orders/{id_}", call)
        for id_ in (order_id, MISSING)
    ]
    assert comparable(own[0]) == comparable(own[1])  # check 24
    if call in _ORDER:
        assert (foreign[0][0], own[0].status_code) == (404, 404)  # check 24
    after = client.get(foreign_order.headers["Location"], headers=owner.auth)
    assert after.headers["ETag"] == foreign_order.headers["ETag"]
    assert stock_of(client, product) == 7


@pytest.mark.parametrize("call", [*_ORDER, *_MALFORMED[:4]], ids=str)
def test_an_order_needs_a_token(
    client: httpx2.Client, owner: Account, foreign_order: httpx2.Response, call: _Call
) -> None:
    """The 401 is the same for existing and missing orders."""
    responses = [
        _send(client, None, f"{owner.url}/orders/{order_id}", call)
        for order_id in (foreign_order.json()["id"], MISSING)
    ]
    assert responses[0].status_code == 401
    assert comparable(responses[0]) == comparable(responses[1])


@pytest.mark.parametrize("order_id", ["0", "-1", "01", "x", str(2**63)])
def test_an_invalid_order_id_gets_422(client: httpx2.Client, owner: Account, order_id: str) -> None:
    """An id is between 1 and 2^63 - 1, and has one spelling."""
    response = client.get(f"{owner.url}/orders/{order_id}", headers=owner.auth)
    document = problem(response, 422, "invalid-content")
    assert [error["parameter"] for error in document["errors"]] == ["order_id"]


def test_an_administrator_finds_an_order_only_under_its_owner(
    client: httpx2.Client, other_user: Account, admin: Account, foreign_order: httpx2.Response
) -> None:
    """The user in the path must be the owner of the order."""
    order_id = foreign_order.json()["id"]
    assert client.get(foreign_order.headers["Location"], headers=admin.auth).status_code == 200
    for url in (other_user.url, admin.url, f"/api/users/{MISSING}"):
        response = client.get(f"{url}/orders/{order_id}", headers=admin.auth)
        problem(response, 404, "not-found")

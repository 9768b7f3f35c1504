"""Other people's orders: to a stranger, they are not there, and no answer tells otherwise."""

from typing import Any

import httpx2
import pytest

from tests.accounts import Account, sign_up
from tests.integration.shop import basket, new_product, placed, stock_of
from tests.integration.wire import JSON, problem

MISSING = 2**62
_ANY = {"If-Match": "*"}
# On somebody's list of orders, and on one order.
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
# Refused for what was sent before anybody looks whose order it is.
_BROKEN: list[tuple[str, dict[str, Any]]] = [
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
    """What the order is of."""
    return new_product(client, admin)


@pytest.fixture(scope="module")
def owner(client: httpx2.Client) -> Account:
    """Whose order it is."""
    return sign_up(client)


@pytest.fixture(scope="module")
def theirs(client: httpx2.Client, owner: Account, product: dict[str, Any]) -> httpx2.Response:
    """Somebody's order, which stays as it is."""
    return placed(client, owner, (product, 3))


def _ask(client: httpx2.Client, caller: Account | None, url: str, call: _Call) -> httpx2.Response:
    method, options = call
    headers = {**options.get("headers", {}), "X-Request-ID": "the-same"}
    if caller is not None:
        headers |= caller.auth
    return client.request(method, url, **{**options, "headers": headers})


def _seen(response: httpx2.Response) -> tuple[int, bytes, dict[str, str]]:
    changing = {"date", "ratelimit"}
    headers = {name: value for name, value in response.headers.items() if name not in changing}
    return response.status_code, response.content, headers


@pytest.mark.parametrize("call", _LIST, ids=str)
def test_somebody_elses_orders_look_like_those_of_nobody(
    client: httpx2.Client,
    stranger: Account,
    owner: Account,
    theirs: httpx2.Response,
    call: _Call,
) -> None:
    """404, byte for byte that of a missing account; said before anything else is judged."""
    answers = [
        _ask(client, stranger, f"/api/users/{user_id}/orders", call)
        for user_id in (owner.id, MISSING)
    ]
    assert answers[0].status_code == 404  # check 24, check 25
    assert _seen(answers[0]) == _seen(answers[1])  # check 24
    assert client.get(f"{owner.url}/orders", headers=owner.auth).json()["items"] == [theirs.json()]


@pytest.mark.parametrize("call", [*_ORDER, *_BROKEN], ids=str)
def test_somebody_elses_order_looks_like_a_missing_one(
    client: httpx2.Client, stranger: Account, owner: Account, product: dict[str, Any],
    theirs: httpx2.Response, call: _Call,
) -> None:  # fmt: skip
    """Under their path as under the caller's own, where its id leads nowhere."""
    order_id = theirs.json()["id"]
    asked = [(owner.url, order_id), (owner.url, MISSING), (f"/api/users/{MISSING}", MISSING)]
    there = [_seen(_ask(client, stranger, f"{user}/orders/{id_}", call)) for user, id_ in asked]
    assert there[0] == there[1] == there[2]  # check 24, check 25
    here = [
        _ask(client, stranger, f"{stranger.url}/orders/{id_}", call) for id_ in (order_id, MISSING)
    ]
    assert _seen(here[0]) == _seen(here[1])  # check 24
    if call in _ORDER:
        assert (there[0][0], here[0].status_code) == (404, 404)  # check 24
    after = client.get(theirs.headers["Location"], headers=owner.auth)
    assert after.headers["ETag"] == theirs.headers["ETag"]
    assert stock_of(client, product) == 7


@pytest.mark.parametrize("call", [*_ORDER, *_BROKEN[:4]], ids=str)
def test_nobody_sees_an_order_without_a_token(
    client: httpx2.Client, owner: Account, theirs: httpx2.Response, call: _Call
) -> None:
    """401, for what is there and what is not."""
    answers = [
        _ask(client, None, f"{owner.url}/orders/{order_id}", call)
        for order_id in (theirs.json()["id"], MISSING)
    ]
    assert answers[0].status_code == 401
    assert _seen(answers[0]) == _seen(answers[1])


@pytest.mark.parametrize("order_id", ["0", "-1", "01", "x", str(2**63)])
def test_what_is_no_id_gets_422(client: httpx2.Client, owner: Account, order_id: str) -> None:
    """An id has one spelling."""
    response = client.get(f"{owner.url}/orders/{order_id}", headers=owner.auth)
    document = problem(response, 422, "invalid-content")
    assert [error["parameter"] for error in document["errors"]] == ["order_id"]


def test_an_administrator_finds_an_order_under_its_own_user_only(
    client: httpx2.Client, stranger: Account, admin: Account, theirs: httpx2.Response
) -> None:
    """The path says whose it is."""
    order_id = theirs.json()["id"]
    assert client.get(theirs.headers["Location"], headers=admin.auth).status_code == 200
    for url in (stranger.url, admin.url, f"/api/users/{MISSING}"):
        response = client.get(f"{url}/orders/{order_id}", headers=admin.auth)
        problem(response, 404, "not-found")

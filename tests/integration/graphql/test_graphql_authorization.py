"""As in the REST API, a user cannot distinguish another user's object from a missing one.

Most tests here repeat a test of the REST API in `test_authorization.py` or
`test_order_authorization.py`.
"""

import json
from typing import Any

import httpx2
import pytest

from tests.accounts import Account, sign_up
from tests.integration.graphql.graph import codes, data, send
from tests.integration.shop import new_product, placed, stock_of

MISSING = 2**62
_QUERIES = [
    "{ user(id: {user}) { name } }",
    '{ user(id: "User:{user}") { email orders { nodes { id } } } }',
    '{ node(id: "User:{user}") { ... on User { email } } }',
    '{ node(id: "User:{user}") { id } }',
    '{ node(id: "Order:{order}") { ... on Order { total { amount } user { email } } } }',
    '{ node(id: "Order:{order}") { id } }',
    'mutation { changeName(userId: "User:{user}", name: "Mallory") { id } }',
    'mutation { changeName(userId: {user}, name: "") { id } }',
    'mutation { changeName(userId: {user}, name: "Mallory", version: "x") { id } }',
    "mutation { placeOrder(userId: {user}, items: [{productId: {product}, quantity: 1}]) { id } }",
    'mutation { placeOrder(userId: "User:{user}", items: []) { id } }',
    'mutation { placeOrder(userId: {user}, items: [], idempotencyKey: "") { id } }',
    "mutation { cancelOrder(id: {order}) { id } }",
    'mutation { cancelOrder(id: "Order:{order}", version: "x") { id } }',
]


@pytest.fixture(scope="module")
def product(client: httpx2.Client, admin: Account) -> dict[str, Any]:
    """The product of `foreign_order`."""
    return new_product(client, admin)


@pytest.fixture(scope="module")
def owner(client: httpx2.Client) -> Account:
    """The user of `foreign_order`."""
    return sign_up(client, name="Owner")


@pytest.fixture(scope="module")
def foreign_order(client: httpx2.Client, owner: Account, product: dict[str, Any]) -> int:
    """The id of an order of `owner`."""
    return int(placed(client, owner, (product, 1)).json()["id"])


def _filled(query: str, product: dict[str, Any], *, user: int, order: int) -> str:
    for name, number in (("user", user), ("order", order), ("product", product["id"])):
        query = query.replace(f"{{{name}}}", str(number))
    return query


def _comparable(response: httpx2.Response) -> tuple[int, Any]:
    body = response.json()
    for error in body.get("errors", ()):
        # The place in the query depends on the number of digits of an id.
        del error["locations"]
    return response.status_code, body


@pytest.mark.parametrize("query", _QUERIES)
def test_another_users_object_looks_like_a_missing_one(
    client: httpx2.Client,
    other_user: Account,
    owner: Account,
    foreign_order: int,
    product: dict[str, Any],
    query: str,
) -> None:
    """The result and the errors are the same, and nothing changes."""
    stock = stock_of(client, product)
    foreign, missing = (
        send(client, _filled(query, product, user=user, order=order), other_user)
        for user, order in ((owner.id, foreign_order), (MISSING, MISSING))
    )
    assert codes(foreign) == ["not-found"]  # check 25
    assert _comparable(foreign) == _comparable(missing)  # check 24
    after = client.get(owner.url, headers=owner.auth)
    assert after.headers["ETag"] == owner.etag
    assert stock_of(client, product) == stock
    for private in (owner.email, "Owner"):
        assert private not in foreign.text


@pytest.mark.parametrize("query", ["{ me { id } }", *_QUERIES])
def test_a_query_without_a_session_gets_unauthenticated(
    client: httpx2.Client, owner: Account, foreign_order: int, product: dict[str, Any], query: str
) -> None:
    """The error is the same for existing and missing objects."""
    existing, missing = (
        send(client, _filled(query, product, user=user, order=order))
        for user, order in ((owner.id, foreign_order), (MISSING, MISSING))
    )
    assert codes(existing) == ["unauthenticated"]
    assert _comparable(existing) == _comparable(missing)


def test_an_erased_account_looks_like_a_missing_one(
    client: httpx2.Client, shared_user: Account, bettina: Account, admin: Account
) -> None:
    """Neither a user nor an administrator can see that an erased account existed."""
    headers = {**bettina.auth, "If-Match": bettina.etag}
    assert client.delete(bettina.url, headers=headers).status_code == 204
    query = "query ($id: ID!) { user(id: $id) { id } node(id: $id) { id } }"
    for caller in (shared_user, admin):
        gone, missing = (
            send(client, query, caller, id=f"User:{user_id}") for user_id in (bettina.id, MISSING)
        )
        assert codes(gone) == ["not-found"] * 2
        assert _comparable(gone) == _comparable(missing)


def test_a_loader_does_not_mix_the_objects_of_two_users(
    client: httpx2.Client,
    customer: Account,
    owner: Account,
    foreign_order: int,
    product: dict[str, Any],
) -> None:
    """A query for several objects returns only those that the caller may see."""
    own = int(placed(client, customer, (product, 1)).json()["id"])
    query = f"""{{
        a: node(id: "Order:{own}") {{ id }} b: node(id: "Order:{foreign_order}") {{ id }}
        c: user(id: {customer.id}) {{ id }} d: user(id: {owner.id}) {{ id }}
    }}"""
    response = send(client, query, customer)
    assert response.json()["data"] == {
        "a": {"id": f"Order:{own}"},
        "b": None,
        "c": {"id": f"User:{customer.id}"},
        "d": None,
    }
    assert codes(response) == ["not-found", "not-found"]


def test_administrators_see_and_change_all_accounts(
    client: httpx2.Client, admin: Account, ahmed: Account, product: dict[str, Any]
) -> None:
    """An administrator can also order for another user, and cancel the order."""
    variables = {"user": ahmed.id, "items": [{"productId": product["id"], "quantity": 1}]}
    query = """mutation ($user: ID!, $items: [OrderItemInput!]!) {
        changeName(userId: $user, name: "Ann") { name }
        placeOrder(userId: $user, items: $items) { id user { name } }
    }"""
    found = data(client, query, admin, **variables)
    assert found["changeName"] == {"name": "Ann"}
    assert found["placeOrder"]["user"] == {"name": "Ann"}
    order = json.dumps(found["placeOrder"]["id"])
    cancelled = data(client, f"mutation {{ cancelOrder(id: {order}) {{ status }} }}", admin)
    assert cancelled == {"cancelOrder": {"status": "CANCELLED"}}


@pytest.mark.parametrize("name", ["role", "id", "emailConfirmed", "createdAt"])
def test_fields_that_the_client_may_not_set_are_refused(
    client: httpx2.Client, shared_user: Account, name: str
) -> None:
    """A client cannot set a field such as the role."""
    query = f'mutation {{ changeName(name: "A", {name}: "admin") {{ id }} }}'
    assert codes(send(client, query, shared_user)) == ["invalid-query"]
    after = client.get(shared_user.url, headers=shared_user.auth)
    assert after.headers["ETag"] == shared_user.etag

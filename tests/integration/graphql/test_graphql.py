"""The graph has the same users, products and orders as the REST API, and the same rules."""

from typing import Any

import httpx2
import pytest

from tests.accounts import PASSWORD, Account, new_email
from tests.integration.graphql.graph import codes, data, errors, send
from tests.integration.shop import new_key, new_product, orders_of, placed, product_url, stock_of

_USER = "id name email emailConfirmed role createdAt updatedAt version"
_PRODUCT = "id sku name price { amount currency } stock createdAt updatedAt version"
_ORDER = (
    "id status total { amount currency } createdAt updatedAt version user { id }"
    " items { name quantity unitPrice { amount currency } product { id } }"
)
_PLACE = f"""mutation Place($items: [OrderItemInput!]!, $key: String, $userId: ID) {{
    placeOrder(items: $items, idempotencyKey: $key, userId: $userId) {{ {_ORDER} }}
}}"""


@pytest.fixture(scope="module")
def product(client: httpx2.Client, admin: Account) -> dict[str, Any]:
    """A product with enough stock for all tests."""
    return new_product(client, admin, stock=100_000)


def _in_camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.title() for other in others)


def _as_node(kind: str, response: httpx2.Response) -> dict[str, Any]:
    """Return the GraphQL node that corresponds to a response of the REST API."""
    body = {_in_camel_case(name): value for name, value in response.json().items()}
    return {**body, "id": f"{kind}:{body['id']}", "version": response.headers["ETag"]}


def test_a_user_in_the_graph_is_the_user_of_the_rest_api(
    client: httpx2.Client, shared_user: Account, admin: Account
) -> None:
    """`me`, `user` and `node` agree. `user` also accepts an id without its type."""
    user = _as_node("User", client.get(shared_user.url, headers=shared_user.auth))
    user["role"] = user["role"].upper()
    assert data(client, f"{{ me {{ {_USER} }} }}", shared_user) == {"me": user}
    query = f"query ($id: ID!) {{ user(id: $id) {{ {_USER} }} node(id: $id) {{ id }} }}"
    for caller in (shared_user, admin):
        found = data(client, query, caller, id=f"User:{shared_user.id}")
        assert found == {"user": user, "node": {"id": user["id"]}}
        found = data(client, f"{{ user(id: {shared_user.id}) {{ {_USER} }} }}", caller)
        assert found == {"user": user}


def test_a_product_in_the_graph_is_the_product_of_the_rest_api(
    client: httpx2.Client, product: dict[str, Any]
) -> None:
    """Reading a product needs no session."""
    expected = _as_node("Product", client.get(product_url(product)))
    query = f"query ($id: ID!) {{ product(id: $id) {{ {_PRODUCT} }} }}"
    assert data(client, query, id=product["id"]) == {"product": expected}
    query = f"query ($id: ID!) {{ node(id: $id) {{ ... on Product {{ {_PRODUCT} }} }} }}"
    assert data(client, query, id=expected["id"]) == {"node": expected}


def test_an_order_in_the_graph_is_the_order_of_the_rest_api(
    client: httpx2.Client, customer: Account, product: dict[str, Any]
) -> None:
    """An order has its user, and the products of its items."""
    location = placed(client, customer, (product, 2)).headers["Location"]
    expected = _as_node("Order", client.get(location, headers=customer.auth))
    expected["status"] = expected["status"].upper()
    expected["user"] = {"id": f"User:{expected.pop('userId')}"}
    for item in expected["items"]:
        item["product"] = {"id": f"Product:{item.pop('product_id')}"}
        item["unitPrice"] = item.pop("unit_price")
    query = f"query ($id: ID!) {{ node(id: $id) {{ ... on Order {{ {_ORDER} }} }} }}"
    assert data(client, query, customer, id=expected["id"]) == {"node": expected}


@pytest.mark.parametrize(
    "item", ["User:", "User:0", "User:01", f"User:{2**63}", "user:1", "Session:1", "", "x", "-1"]
)
def test_an_id_that_no_object_has_is_not_found(
    client: httpx2.Client, shared_user: Account, item: str
) -> None:
    """A malformed id gets the same error as an unknown one."""
    query = "query ($id: ID!) { user(id: $id) { id } product(id: $id) { id } node(id: $id) { id } }"
    response = send(client, query, shared_user, id=item)
    assert response.json()["data"] == {"user": None, "product": None, "node": None}
    assert codes(response) == ["not-found"] * 3


def test_a_failed_field_leaves_the_other_fields(
    client: httpx2.Client, product: dict[str, Any]
) -> None:
    """The status is 200, and the error has the path of the field."""
    query = "query ($id: ID!) { me { name } product(id: $id) { name } }"
    response = send(client, query, id=product["id"])
    assert response.status_code == 200
    assert response.json()["data"] == {"me": None, "product": {"name": "Kettle"}}
    (error,) = errors(response)
    assert error["path"] == ["me"]
    assert error["extensions"]["code"] == "unauthenticated"


def _pages(client: httpx2.Client, query: str, caller: Account | None, name: str) -> list[list[str]]:
    """Follow the cursors to the end of a list, and return the ids of each page."""
    pages: list[list[str]] = []
    after = None
    while True:
        result = data(client, query, caller, after=after)
        connection = result["me"][name] if name in result.get("me", {}) else result[name]
        edges, info = connection["edges"], connection["pageInfo"]
        assert connection["nodes"] == [edge["node"] for edge in edges]
        assert info["startCursor"] == edges[0]["cursor"]
        assert info["endCursor"] == edges[-1]["cursor"]
        assert info["hasPreviousPage"] == (after is not None)
        pages.append([edge["node"]["id"] for edge in edges])
        if not info["hasNextPage"]:
            return pages
        after = info["endCursor"]


_CONNECTION = """edges { cursor node { id } } nodes { id }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"""


def test_orders_are_paged_newest_first(
    client: httpx2.Client, ahmed: Account, product: dict[str, Any]
) -> None:
    """The cursors of the pages lead through all orders of the user."""
    for _ in range(5):
        placed(client, ahmed, (product, 1))
    expected = [f"Order:{it['id']}" for it in orders_of(client, ahmed)]
    query = (
        f"query ($after: String) {{ me {{ orders(first: 2, after: $after) {{ {_CONNECTION} }} }} }}"
    )
    assert _pages(client, query, ahmed, "orders") == [expected[:2], expected[2:4], expected[4:]]
    query = "{ me { orders(first: 5, status: PAID) { nodes { id } pageInfo { endCursor } } } }"
    empty = {"nodes": [], "pageInfo": {"endCursor": None}}
    assert data(client, query, ahmed) == {"me": {"orders": empty}}
    query = "{ me { orders(first: 5, status: PENDING) { nodes { id } } } }"
    pending = data(client, query, ahmed)["me"]["orders"]["nodes"]
    assert [node["id"] for node in pending] == expected


def test_products_are_paged_oldest_first(client: httpx2.Client, admin: Account) -> None:
    """A cursor of any row works, also in the REST API."""
    three = [new_product(client, admin) for _ in range(3)]
    query = f"query ($after: String) {{ products(first: 100, after: $after) {{ {_CONNECTION} }} }}"
    ids = [it for page in _pages(client, query, None, "products") for it in page]
    assert ids == sorted(ids, key=lambda it: int(it.partition(":")[2]))
    assert {f"Product:{it['id']}" for it in three} <= set(ids)
    first, second = data(client, f"{{ products(first: 2) {{ {_CONNECTION} }} }}")["products"][
        "edges"
    ]
    page = client.get("/api/products", params={"limit": 1, "cursor": first["cursor"]}).json()
    assert f"Product:{page['items'][0]['id']}" == second["node"]["id"]


def test_a_cursor_works_for_its_own_list_only(
    client: httpx2.Client, shared_user: Account, product: dict[str, Any]
) -> None:
    """A cursor of another list, or an invented one, gets an error."""
    cursor = data(client, f"{{ products(first: 1) {{ {_CONNECTION} }} }}")["products"]["edges"][0][
        "cursor"
    ]
    query = "query ($after: String) { me { orders(after: $after) { nodes { id } } } }"
    for after in (cursor, "", "x", product["sku"]):
        response = send(client, query, shared_user, after=after)
        assert response.json()["data"] == {"me": {"orders": None}}
        assert codes(response) == ["malformed-cursor"]


@pytest.mark.parametrize("first", [0, -1, 101])
def test_a_page_has_1_to_100_rows(client: httpx2.Client, first: int) -> None:
    """The error names the argument."""
    response = send(client, f"{{ products(first: {first}) {{ nodes {{ id }} }} }}")
    (error,) = errors(response)
    assert error["extensions"]["code"] == "invalid-content"
    assert [it["pointer"] for it in error["extensions"]["errors"]] == ["/first"]


_SIGN_UP = """mutation ($name: String!, $email: String!, $password: String!) {
    signUp(name: $name, email: $email, password: $password) { id name email role emailConfirmed }
}"""


def test_a_signup_creates_an_account(client: httpx2.Client) -> None:
    """The new account can log in. A second one with the same address is refused."""
    email = new_email()
    new = {"name": " Ahmed ", "email": email.upper(), "password": PASSWORD}
    user = data(client, _SIGN_UP, None, **new)["signUp"]
    assert user.pop("id").startswith("User:")
    assert user == {"name": "Ahmed", "email": email, "role": "USER", "emailConfirmed": False}
    login = client.post("/api/auth/login", json={"email": email, "password": PASSWORD})
    assert login.status_code == 200
    assert codes(send(client, _SIGN_UP, None, **new)) == ["email-taken"]


def test_an_invalid_signup_names_each_invalid_argument(client: httpx2.Client) -> None:
    """The messages are those of the REST API."""
    new = {"name": "", "email": "nobody", "password": "short"}
    (error,) = errors(send(client, _SIGN_UP, None, **new))
    assert error["extensions"]["errors"] == client.post("/api/users", json=new).json()["errors"]


def test_a_name_changes_only_in_the_expected_version(client: httpx2.Client, ahmed: Account) -> None:
    """Without a version, the name always changes. The version is the ETag of the REST API."""
    query = """mutation ($name: String!, $version: String) {
        changeName(name: $name, version: $version) { name version }
    }"""
    changed = data(client, query, ahmed, name="Zoë", version=ahmed.etag)["changeName"]
    assert changed["name"] == "Zoë"
    after = client.get(ahmed.url, headers=ahmed.auth)
    assert (after.json()["name"], after.headers["ETag"]) == ("Zoë", changed["version"])
    # The load balancer adds the coding to the ETag of a compressed response.
    compressed = f'{changed["version"][:-1]}-gzip"'
    assert data(client, query, ahmed, name="Zoë", version=compressed)["changeName"] == changed
    for stale in (ahmed.etag, "x", ""):
        response = send(client, query, ahmed, name="Ahmed", version=stale)
        assert codes(response) == ["precondition-failed"]
    assert data(client, query, ahmed, name="Ann")["changeName"]["name"] == "Ann"
    assert codes(send(client, query, ahmed, name="\n")) == ["invalid-content"]


def test_an_order_takes_stock_and_can_be_cancelled(
    client: httpx2.Client, customer: Account, admin: Account
) -> None:
    """A cancelled order returns its items to the stock. A mutation shows the changed data."""
    kettle = new_product(client, admin, stock=5)
    items = [{"productId": f"Product:{kettle['id']}", "quantity": 2}]
    order = data(client, _PLACE, customer, items=items)["placeOrder"]
    assert (order["status"], order["total"]["amount"]) == ("PENDING", "49.80")
    assert stock_of(client, kettle) == 3
    query = """mutation ($id: ID!, $version: String) {
        cancelOrder(id: $id, version: $version) { status items { product { stock } } }
    }"""
    assert codes(send(client, query, customer, id=order["id"], version='"x"')) == [
        "precondition-failed"
    ]
    number = order["id"].partition(":")[2]
    cancelled = data(client, query, customer, id=number, version=order["version"])["cancelOrder"]
    assert cancelled == {"status": "CANCELLED", "items": [{"product": {"stock": 5}}]}
    assert codes(send(client, query, customer, id=order["id"])) == ["invalid-transition"]


def test_the_mutations_of_a_request_run_one_after_another(
    client: httpx2.Client, customer: Account, admin: Account
) -> None:
    """Each mutation returns the stock that is left after its own order."""
    kettle = new_product(client, admin, stock=5)
    order = f"placeOrder(items: [{{productId: {kettle['id']}, quantity: 2}}])"
    shown = "{ items { product { stock } } }"
    response = send(
        client, f"mutation {{ a: {order} {shown} b: {order} {shown} c: {order} {shown} }}", customer
    )
    found = response.json()["data"]
    assert [found[it]["items"][0]["product"]["stock"] for it in ("a", "b")] == [3, 1]
    assert found["c"] is None
    assert codes(response) == ["out-of-stock"]
    assert "/items/0/productId" in errors(response)[0]["message"]


def test_the_same_idempotency_key_returns_the_same_order(
    client: httpx2.Client, customer: Account, product: dict[str, Any]
) -> None:
    """The key works in the REST API, too. Another order with the key is refused."""
    items, key = [{"productId": product["id"], "quantity": 1}], new_key()
    first = data(client, _PLACE, customer, items=items, key=key)
    repeated = send(client, _PLACE, customer, items=items, key=key)
    assert repeated.json()["data"] == first
    assert repeated.headers["Idempotency-Replayed"] == "true"
    body = {"items": [{"product_id": product["id"], "quantity": 1}]}
    headers = {**customer.auth, "Idempotency-Key": key}
    rest = client.post(f"{customer.url}/orders", json=body, headers=headers)
    assert rest.headers["Idempotency-Replayed"] == "true"
    assert f"Order:{rest.json()['id']}" == first["placeOrder"]["id"]
    items[0]["quantity"] = 2
    assert codes(send(client, _PLACE, customer, items=items, key=key)) == ["idempotency-mismatch"]


@pytest.mark.parametrize("key", ["", "x" * 256, "a\x00b", "é"])
def test_a_malformed_idempotency_key_is_refused(
    client: httpx2.Client, customer: Account, product: dict[str, Any], key: str
) -> None:
    """A key has 1 to 255 printable ASCII characters, as in the header."""
    items = [{"productId": product["id"], "quantity": 1}]
    (error,) = errors(send(client, _PLACE, customer, items=items, key=key))
    assert [it["pointer"] for it in error["extensions"]["errors"]] == ["/idempotencyKey"]


@pytest.mark.parametrize(
    ("items", "pointer"),
    [
        ([], "/items"),
        ([{"productId": "Product:1", "quantity": 0}], "/items/0/quantity"),
        ([{"productId": "User:1", "quantity": 1}], "/items/0/productId"),
        ([{"productId": 2**62, "quantity": 1}], "/items/0/productId"),
        ([{"productId": 1, "quantity": 1}] * 2, "/items"),
    ],
)
def test_an_invalid_order_names_the_invalid_item(
    client: httpx2.Client, customer: Account, items: list[dict[str, Any]], pointer: str
) -> None:
    """JSON Pointers contain the names of the GraphQL schema, such as `productId`."""
    (error,) = errors(send(client, _PLACE, customer, items=items))
    assert error["extensions"]["code"] == "invalid-content"
    assert [it["pointer"] for it in error["extensions"]["errors"]] == [pointer]

"""The trace of a GraphQL request: its statements, its resolvers and its operation."""

import secrets
from typing import Any

import pytest

from tests.accounts import Account, new_admin, sign_up
from tests.integration.graphql.graph import data
from tests.integration.shop import new_product, placed
from tests.receiver import SendTraced, Span
from tests.service import Service

_ORDERS = (
    "{ name orders(first: 20) { edges { node { total { amount } items { product { name } } } } } }"
)


@pytest.fixture(scope="module")
def administrator(traced: Service, database_url: str) -> Account:
    """An administrator of the traced service, who sees all accounts."""
    return new_admin(traced.client, database_url)


@pytest.fixture(scope="module")
def buyers(traced: Service, administrator: Account) -> list[Account]:
    """Ten users with 20 orders each, of several products."""
    products = [new_product(traced.client, administrator, stock=10_000) for _ in range(5)]
    buyers = [sign_up(traced.client) for _ in range(10)]
    for buyer in buyers:
        for number in range(20):
            items = [(products[(number + i) % 5], 1) for i in range(2)]
            placed(traced.client, buyer, *items)
    return buyers


def _send(send_traced: SendTraced, query: str, caller: Account) -> list[Span]:
    response, spans = send_traced("POST", "/graphql", json={"query": query}, headers=caller.auth)
    assert "errors" not in response.json(), response.text
    return spans


def _statements(spans: list[Span]) -> list[str]:
    return sorted(span.name for span in spans if span.stage == "sql")


def test_the_number_of_statements_does_not_depend_on_the_number_of_rows(
    send_traced: SendTraced, administrator: Account, buyers: list[Account]
) -> None:
    """A query for the orders of ten users needs the same statements as a query for one user."""
    expected = ["SELECT order_lines", "SELECT orders", "SELECT products", "SELECT users"]
    for count in (1, 10):
        fields = " ".join(f"a{it.id}: user(id: {it.id}) {_ORDERS}" for it in buyers[:count])
        _send(send_traced, "{ me { id } }", administrator)
        found = _statements(_send(send_traced, f"{{ {fields} }}", administrator))
        # The process caches the session for less than a second, so a query may read the session.
        assert [name for name in found if name != "SELECT sessions"] == expected, count
        assert found.count("SELECT sessions") <= 1


def test_pages_with_a_status_need_one_more_statement(
    send_traced: SendTraced, administrator: Account, buyers: list[Account]
) -> None:
    """An order that is in several pages has its items in each page."""
    orders = "orders(first: 3{status}) {{ nodes {{ id items {{ name }} }} }}"
    fields = " ".join(
        f"a{it.id}: user(id: {it.id}) {{ {orders.format(status='')}"
        f" p: {orders.format(status=', status: PENDING')} }}"
        for it in buyers[:7]
    )
    _send(send_traced, "{ me { id } }", administrator)
    response, spans = send_traced(
        "POST", "/graphql", json={"query": f"{{ {fields} }}"}, headers=administrator.auth
    )
    assert _statements(spans).count("SELECT orders") == 2
    for user in response.json()["data"].values():
        assert user["orders"] == user["p"]
        assert all(len(node["items"]) == 2 for node in user["p"]["nodes"])


def test_each_resolver_that_calls_a_service_is_a_stage(
    send_traced: SendTraced, buyers: list[Account]
) -> None:
    """The stage has the name of the field, and the place of the resolver in the source code."""
    spans = _send(send_traced, f"query Page {{ me {_ORDERS} }}", buyers[0])
    resolvers = [span for span in spans if span.stage == "resolver"]
    names = {span.name for span in resolvers}
    assert names == {"Query.me", "User.orders", "OrderItem.product"}
    for span in resolvers:
        assert span.attributes["code.file.path"].startswith("app/graphql/")
    (check,) = [span for span in spans if span.name == "check query"]
    assert check.stage == "validate"


def test_the_operation_is_in_the_span(send_traced: SendTraced, buyers: list[Account]) -> None:
    """The route is `/graphql`, and no span contains a literal of the query."""
    mark = secrets.token_hex(8)
    query = f"""query Page {{
        user(id: "User:{buyers[0].id}") {{ name }}
        products(after: "{mark}") {{ nodes {{ id }} }}
    }}"""
    _, spans = send_traced("POST", "/graphql", json={"query": query}, headers=buyers[0].auth)
    (server,) = [span for span in spans if span.kind == "SERVER"]
    assert (server.name, server.attributes["http.route"]) == ("POST /graphql", "/graphql")
    (endpoint,) = [span for span in spans if span.stage == "endpoint"]
    assert endpoint.attributes["graphql.operation.name"] == "Page"
    assert endpoint.attributes["graphql.operation.type"] == "query"
    assert mark not in str(spans)


def test_a_mutation_reads_again_what_it_has_changed(
    traced: Service, product: dict[str, Any]
) -> None:
    """The second mutation of a request does not reuse the rows that the first one has read."""
    buyer = sign_up(traced.client)
    place = (
        f"placeOrder(items: [{{productId: {product['id']}, quantity: 1}}])"
        " { user { orders { nodes { id } } } }"
    )
    found = data(traced.client, f"mutation {{ a: {place} b: {place} }}", buyer)
    assert [len(found[it]["user"]["orders"]["nodes"]) for it in ("a", "b")] == [1, 2]

"""A GraphQL query that asks for too much is refused before any of it runs."""

import json
from typing import Any, Final

import httpx2
import pytest
from graphql import get_introspection_query

from tests.accounts import Account
from tests.conftest import StartService
from tests.integration.graphql.graph import GRAPHQL_JSON, data, errors, refusal, send
from tests.integration.wire import JSON, problem, remaining_requests
from tests.service import Service

MAX_MS: Final = 50
MAX_GROWTH_BYTES: Final = 16 * 1024 * 1024


def _fragments(count: int, content: str) -> str:
    """Return fragments F0, F1, …. `content` can use the next fragment as %(next)s."""
    return "".join(
        f" fragment F{i} on Query {{ {content % {'next': f'F{i + 1}', 'i': i}} }}"
        for i in range(count)
    )


def _aliases(count: int, selection: str) -> str:
    """Return a selection several times, each time with another alias."""
    return " ".join(f"a{i}: {selection}" for i in range(count))


TOO_COMPLEX: Final = "query-too-complex"
INVALID: Final = "invalid-query"
TOO_COMPLEX_QUERIES: Final = {
    "a depth of 9": (
        "{ me { orders { edges { node { user { orders { nodes { total { amount } } } } } } } } }"
    ),
    "a depth of 100": f"{{ {'me { ' * 99}id{' }' * 99} }}",
    "a depth of 1,000": f"{{ {'me { ' * 999}id{' }' * 999} }}",
    "a depth of 320 by a fragment": (
        f"{{ {'a { ' * 190}...F0{' }' * 190} }}" + _fragments(1, f"{'a { ' * 130}a{' }' * 130}")
    ),
    "a depth of 100 of invented introspection fields": f"{{ {'__a { ' * 99}id{' }' * 99} }}",
    "a chain of 100 fragments": (
        "{ ...F0 }" + _fragments(100, "...%(next)s") + " fragment F100 on Query { __typename }"
    ),
    "lists in lists": f"{{ user(id: {'[' * 400}{']' * 400}) {{ id }} }}",
    "300 inline fragments in one another": f"{{ {'... { ' * 300}__typename{' }' * 300} }}",
    "16 aliases": f"{{ {_aliases(16, 'me { id }')} }}",
    "4,000 aliases": f"{{ {_aliases(4000, 'me{id}')} }}",
    "16 aliases by a fragment": "{ ...F0 ...F0 }" + _fragments(1, _aliases(8, "me { id }")),
    "aliases by fragments that double": (
        "{ ...F0 }"
        + _fragments(50, "a%(i)s: __typename ...%(next)s ...%(next)s")
        + " fragment F50 on Query { __typename }"
    ),
    "an alias of 60,000 characters": f"{{ {'a' * 60_000}: __typename }}",
    "240 equal fields": f"{{ {'me{id} ' * 240} }}",
    "8,000 equal fields": f"{{ {'me{id} ' * 8000} }}",
    "120 equal fields in inline fragments": f"{{ {'...{me{id}} ' * 120} }}",
    "240 equal fields in an unused fragment": "{ __typename }" + _fragments(1, "me{id} " * 240),
    "a long list": "{ products(first: 100000) { nodes { id } } }",
    "a list in a list": (
        "{ me { orders(first: 40) { nodes { user { orders(first: 40) { nodes { id } } } } } } }"
    ),
    "a list by a fragment": "{ ...F0 }" + _fragments(1, "products(first: 1001) { nodes { id } }"),
    "a long list by a default": "query ($n: Int! = 1001) { products(first: $n) { nodes { id } } }",
    "90,000 fields of items": (
        "{me{orders(first:30){nodes{user{orders(first:30){nodes{items{name quantity}}}}}}}}"
    ),
    "a number of 4,000 digits": f"{{ products(first: {'9' * 4000}) {{ nodes {{ id }} }} }}",
    "four introspections": f"{{ {_aliases(4, '__schema { types { fields { name } } }')} }}",
    "an introspection with four aliases": (
        f"{{ __schema {{ {_aliases(4, 'types { fields { name } }')} }} }}"
    ),
    "20,000 comments": "#\n" * 20_000 + "{ __typename }",
    "31,000 lines": "\n" * 31_000 + "{ __typename }",
}
INVALID_QUERIES: Final = {
    "190 inline fragments around 390 fields": (
        f"{{ {'...{ ' * 190}{' '.join(f'x{i}' for i in range(390))}{' }' * 190} }}"
    ),
    "a fragment in itself": "{ ...F0 }" + _fragments(1, "...F0"),
    "a circle of 50 fragments": (
        "{ ...F0 }" + _fragments(49, "...%(next)s") + " fragment F49 on Query { ...F0 }"
    ),
    "a fragment on an input type": "{ ... on OrderItemInput { productId } }",
    "a quantity of 50,000 digits": (
        f"mutation {{ placeOrder(items: [{{productId: 1 quantity: {'9' * 50000}}}]) {{ id }} }}"
    ),
    "a value that looks like many messages": (
        '{ products(first: "' + "Value '" * 8000 + '") { nodes { id } } }'
    ),
    "a nested introspection": (
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
    ),
    "900 unknown fields": f"{{ {' '.join(f'x{i}' for i in range(900))} }}",
    "a subscription": "subscription { me { id } }",
}
HOSTILE: Final = {**TOO_COMPLEX_QUERIES, **INVALID_QUERIES}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_query_is_refused(client: httpx2.Client, name: str) -> None:
    """No part of the query runs, and the response is short."""
    response = send(client, HOSTILE[name])
    assert refusal(response) == (INVALID if name in INVALID_QUERIES else TOO_COMPLEX)
    assert len(response.content) < 10_000


def test_equal_fields_of_another_operation_are_refused(client: httpx2.Client) -> None:
    """An operation that does not run is validated, too."""
    query = f"query A {{ __typename }} query B {{ {'me{id} ' * 240} }}"
    headers = {"Accept": GRAPHQL_JSON}
    for name, code in (("A", TOO_COMPLEX), ("B", TOO_COMPLEX), ("C", INVALID)):
        body = {"query": query, "operationName": name}
        assert refusal(client.post("/graphql", json=body, headers=headers)) == code


def test_a_long_list_by_a_variable_is_refused(client: httpx2.Client) -> None:
    """The limit applies to the value of the variable. In GraphQL, 1001.0 is an integer."""
    query = "query ($n: Int!) { products(first: $n) { nodes { id } } }"
    for too_large in (1001, 1001.0, 2**31 - 1):
        assert refusal(send(client, query, n=too_large)) == TOO_COMPLEX
    for invalid in ("10", 2**31, 1.5):
        assert refusal(send(client, query, n=invalid)) == INVALID
    content = json.dumps({"query": query, "variables": {"n": 7}}).replace("7", "9" * 5000)
    problem(client.post("/graphql", content=content, headers=JSON), 400, "malformed-json")


@pytest.mark.alone
def test_a_hostile_query_takes_less_than_50_ms_of_processor_time(readable: Service) -> None:
    """The memory of the process grows by less than 16 MiB."""
    client = readable.client
    for query in HOSTILE.values():
        refusal(send(client, query))
    before = _measured(client, "process_resident_memory_bytes")
    took_ms = {name: _processor_ms(client, query) for name, query in HOSTILE.items()}
    for name, milliseconds in took_ms.items():
        print(f"{name}: {milliseconds:.1f} ms")
    assert max(took_ms.values()) < MAX_MS
    assert _measured(client, "process_resident_memory_bytes") - before < MAX_GROWTH_BYTES


def _processor_ms(client: httpx2.Client, query: str) -> float:
    repetitions = 20
    before = _measured(client, "process_cpu_seconds_total")
    for _ in range(repetitions):
        refusal(send(client, query))
    seconds = _measured(client, "process_cpu_seconds_total") - before
    return seconds * 1000 / repetitions


def _measured(client: httpx2.Client, metric: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{metric} "))


@pytest.mark.parametrize(
    ("query", "cost"),
    [
        ("{ me { name } }", 1),
        ("{ a: me { name } b: me { name } product(id: 1) { id } }", 3),
        ('mutation { a: changeName(name: "A") { id } b: changeName(name: "B") { id } }', 2),
        ("{ me { orders(first: 100) { nodes { items { name quantity product { id } } } } } }", 100),
        ("{ products { nodes { id } } }", 20),
        ("{ products(first: 7) { nodes { id } } a: products(first: 5) { nodes { id } } }", 12),
        (
            "{ me { orders(first: 10) { nodes { user { orders(first: 3) { nodes { id } } } } } } }",
            40,
        ),
    ],
)
def test_the_cost_counts_towards_the_rate_limit(
    client: httpx2.Client, ahmed: Account, query: str, cost: int
) -> None:
    """A list costs its `first`, multiplied by the `first` of each list around it.

    A root field costs at least 1.
    """
    before = remaining_requests(client.get(ahmed.url, headers=ahmed.auth))
    assert before - remaining_requests(send(client, query, ahmed)) == cost


def test_an_introspection_costs_as_much_as_300_rows(readable: Service) -> None:
    """The standard query of client tools is accepted. It reads no rows, but much of the schema."""
    client = readable.client
    before = remaining_requests(client.get("/api/products"))
    response = send(client, get_introspection_query())
    assert response.status_code == 200
    assert before - remaining_requests(response) == 300


def test_a_query_that_exceeds_the_rate_limit_does_not_run(start_service: StartService) -> None:
    """The response is a problem document. Other requests can use the rest of the limit."""
    for settings in ({}, {"REDIS_URL": "redis://127.0.0.1:1"}):
        client = start_service(RATE_LIMIT_DEFAULT="100/minute", **settings).client
        assert data(client, "{ products(first: 90) { nodes { id } } }")
        response = send(client, "{ products(first: 20) { nodes { id } } }")
        problem(response, 429, "too-many-requests")
        assert int(response.headers["Retry-After"]) <= 60
        assert remaining_requests(response) == 9
        assert remaining_requests(send(client, "{ products(first: 5) { nodes { id } } }")) == 4


@pytest.fixture(scope="module")
def readable(start_service: StartService) -> Service:
    """A service whose schema clients can read, so its errors suggest names."""
    return start_service(GRAPHQL_INTROSPECTION="on")


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ('{ user(id: "CANARY") { id } }', {}),
        ('{ products(first: "CANARY") { nodes { id } } }', {}),
        ("{ me { orders(status: CANARY) { nodes { id } } } }", {}),
        ('{ products(after: "CANARY") { nodes { id } } }', {}),
        ('{ node(id: "CANARY", id: "CANARY") { id } }', {}),
        ('mutation { placeOrder(items: {secret: "CANARY"}) { id } }', {}),
        ('mutation { placeOrder(items: [{productId: ["CANARY"]}]) { id } }', {}),
        ('mutation { signUp(name: "CANARY" email: "CANARY" password: "CANARY") { id } }', {}),
        ('mutation { signUp(password: """CANARY""") { id } }', {}),
        ('{ "CANARY" }', {}),
        ('{ me(id: "CANARY', {}),
        ('{ user(id: "\\uCANARY") { id } }', {}),
        (
            'mutation { placeOrder(items: {productId: 1 quantity: 1 quantityy: "CANARY"}) { id } }',
            {},
        ),
        (
            "mutation ($a: [OrderItemInput!]!) { placeOrder(items: $a) { id } }",
            {"a": [{"productId": 1, "quantity": 1, "quantityy": "CANARY"}]},
        ),
        (
            "query ($a: OrderStatus) { me { orders(status: $a) { nodes { id } } } }",
            {"a": "x' does not exist in, found: CANARY"},
        ),
        ("query ($a: Int!) { products(first: $a) { nodes { id } } }", {"a": "CANARY"}),
        ("query ($a: Int!) { products(first: $a) { nodes { id } } }", {"a": {"b": "CANARY"}}),
        ("query ($a: OrderStatus) { me { orders(status: $a) { nodes { id } } } }", {"a": "CANARY"}),
        ("query ($a: String = CANARY) { products(after: $a) { nodes { id } } }", {}),
        ('query ($a: Int = "CANARY") { products(first: $a) { nodes { id } } }', {}),
        (
            "mutation ($a: [OrderItemInput!]!) { placeOrder(items: $a) { id } }",
            {"a": [{"productId": 1, "quantity": "CANARY", "x": "CANARY"}]},
        ),
    ],
    ids=str,
)
def test_no_error_repeats_a_value(
    client: httpx2.Client,
    readable: Service,
    shared_user: Account,
    query: str,
    variables: dict[str, Any],
) -> None:
    """An error contains the place of a value, but not the value, which can be a password."""
    for each in (client, readable.client):
        response = send(each, query, shared_user, **variables)
        assert errors(response)
        assert "CANARY" not in response.text  # check 38

"""GraphQL over HTTP: methods, media types, statuses, caching, cookies and logs."""

import json
from typing import Any

import httpx2
import pytest

from tests.accounts import Account, sign_up
from tests.conftest import StartService
from tests.integration.graphql.graph import GRAPHQL_JSON, codes, data, refusal, send
from tests.integration.signed_in import browser_of
from tests.integration.wire import JSON, log_with, problem
from tests.service import Service

_TYPENAME = "{ __typename }"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}; charset=utf-8, application/json; charset=utf-8", GRAPHQL_JSON),
        (f"application/json;q=0.5, {GRAPHQL_JSON}", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0.5, */*", "application/json"),
    ],
)
def test_the_client_chooses_the_media_type(
    client: httpx2.Client, accept: str | None, media_type: str
) -> None:
    """If a query cannot run, the status depends on the media type (GraphQL over HTTP)."""
    headers = {"Accept": accept} if accept else {}
    response = client.post("/graphql", json={"query": _TYPENAME}, headers=headers)
    assert (response.status_code, response.json()) == (200, {"data": {"__typename": "Query"}})
    assert response.headers["Content-Type"] == media_type
    assert response.headers["Vary"] == "Accept"
    refused = client.post("/graphql", json={"query": "{"}, headers=headers)
    assert refused.status_code == (400 if media_type == GRAPHQL_JSON else 200)
    assert refused.headers["Content-Type"] == media_type
    assert refused.headers["Vary"] == "Accept"
    assert set(refused.json()) == {"errors"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": None},
        {"query": 1},
        {"query": _TYPENAME, "variables": "x"},
        {"query": _TYPENAME, "variables": []},
        {"query": _TYPENAME, "operationName": 1},
        {"query": _TYPENAME, "extensions": 1},
        {"query": _TYPENAME, "operation_name": "x"},
        {"qeury": _TYPENAME},
        [],
        [{"query": _TYPENAME}],
        "x",
    ],
    ids=str,
)
def test_a_request_that_is_not_well_formed_gets_400(client: httpx2.Client, body: Any) -> None:
    """A batch, which is a list of queries, gets 400, too."""
    problem(client.post("/graphql", json=body), 400, "malformed-graphql-request")


def test_other_media_types_and_broken_json_are_refused(client: httpx2.Client) -> None:
    """A form can be sent by a page of any site, so forms are not accepted."""
    for form in ({"data": {"query": _TYPENAME}}, {"files": {"operations": b"{}"}}):
        problem(client.post("/graphql", **form), 415, "unsupported-media-type")
    text = {"Content-Type": "application/graphql"}
    problem(client.post("/graphql", content=b"{}", headers=text), 415, "unsupported-media-type")
    problem(client.post("/graphql", content=b"{", headers=JSON), 400, "malformed-json")
    problem(client.post("/graphql", content=b"x" * 70_000, headers=JSON), 413, "content-too-large")
    accept = {"Accept": "text/html"}
    response = client.post("/graphql", json={"query": _TYPENAME}, headers=accept)
    problem(response, 406, "not-acceptable")


def test_a_query_can_be_sent_with_get(client: httpx2.Client, ahmed: Account) -> None:
    """The response has an ETag. A request with this ETag in If-None-Match gets 304."""
    params = {
        "query": "query Me($first: Int!) { me { name orders(first: $first) { nodes { id } } } }",
        "variables": json.dumps({"first": 3}),
        "operationName": "Me",
        "extensions": "{}",
    }
    response = client.get("/graphql", params=params, headers=ahmed.auth)
    assert response.json() == {"data": {"me": {"name": "Ahmed", "orders": {"nodes": []}}}}
    assert response.headers["Cache-Control"] == "private, no-cache"
    headers = {**ahmed.auth, "If-None-Match": response.headers["ETag"]}
    assert client.get("/graphql", params=params, headers=headers).status_code == 304
    head = client.head("/graphql", params=params, headers=ahmed.auth)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["ETag"] == response.headers["ETag"]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"query": _TYPENAME, "variables": "{"},
        {"query": _TYPENAME, "variables": "[]"},
        {"query": _TYPENAME, "variables": '{"a": 1, "a": 2}'},
        {"query": _TYPENAME, "extensions": "1"},
    ],
    ids=str,
)
def test_a_get_that_is_not_well_formed_gets_400(
    client: httpx2.Client, params: dict[str, str]
) -> None:
    """`variables` and `extensions` are JSON objects."""
    problem(client.get("/graphql", params=params), 400, "malformed-graphql-request")


def test_a_mutation_with_get_is_refused(client: httpx2.Client, ahmed: Account) -> None:
    """A mutation is refused even if its document also contains a query."""
    mutation = 'mutation M { changeName(name: "Mallory") { id } }'
    for query in (mutation, f"query Q {{ __typename }} {mutation}"):
        params = {"query": query, "operationName": "M"}
        response = client.get("/graphql", params=params, headers=ahmed.auth)
        problem(response, 405, "method-not-allowed")
        assert response.headers["Allow"] == "OPTIONS, POST"
        assert client.head("/graphql", params=params, headers=ahmed.auth).status_code == 405
    assert client.get(ahmed.url, headers=ahmed.auth).headers["ETag"] == ahmed.etag


def test_a_cookie_needs_the_same_origin_for_post(client: httpx2.Client, ahmed: Account) -> None:
    """A page of another site can neither change nor read anything with the user's cookie."""
    browser = browser_of(client, ahmed)
    query = {"query": 'mutation { changeName(name: "Ann") { name } }'}
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        response = client.post("/graphql", json=query, headers={**browser.cookie, **headers})
        problem(response, 403, "cross-site")
    response = client.post("/graphql", json=query, headers=browser.auth)
    assert response.json() == {"data": {"changeName": {"name": "Ann"}}}
    params = {"query": "{ me { name } }"}
    response = client.get("/graphql", params=params, headers=browser.cookie)
    assert response.json() == {"data": {"me": {"name": "Ann"}}}
    assert client.post("/api/auth/logout", headers=browser.auth).status_code == 204
    ended = client.get("/graphql", params=params, headers=browser.cookie)
    assert codes(ended) == ["invalid-session"]


def test_an_invalid_token_reads_only_what_is_public(client: httpx2.Client) -> None:
    """The error says that the token is invalid."""
    headers = {"Authorization": "Bearer x"}
    query = {"query": "{ me { id } products { nodes { id } } }"}
    response = client.post("/graphql", json=query, headers=headers)
    assert response.json()["data"]["products"]
    assert codes(response) == ["invalid-token"]


@pytest.fixture(scope="module")
def strict(start_service: StartService) -> Service:
    """A service with introspection off, a CORS origin, and at most three signups a minute."""
    return start_service(CORS_ORIGINS="https://app.example.com", RATE_LIMIT_SIGNUP="3/minute")


def test_without_introspection_the_schema_is_hidden(
    strict: Service, start_service: StartService
) -> None:
    """Errors suggest no names either. Only `__typename` is allowed."""
    readable = start_service(GRAPHQL_INTROSPECTION="on")
    for query in ("{ __schema { types { name } } }", '{ __type(name: "User") { name } }'):
        assert refusal(send(strict.client, query)) == "invalid-query"
        assert data(readable.client, query)
    misspelled = "{ product(id: 1) { pric { amount } } }"
    assert "price" not in send(strict.client, misspelled).text
    assert "price" in send(readable.client, misspelled).text
    assert data(strict.client, _TYPENAME) == {"__typename": "Query"}


def test_a_response_varies_by_origin_and_media_type(strict: Service) -> None:
    """A cache must not reuse a response for another origin or another media type."""
    headers = {"Origin": "https://app.example.com"}
    response = strict.client.post("/graphql", json={"query": _TYPENAME}, headers=headers)
    assert response.headers["Vary"] == "Origin, Accept"
    assert response.headers["Access-Control-Allow-Origin"] == headers["Origin"]


def test_each_signup_of_a_request_counts_as_a_signup(strict: Service) -> None:
    """A request with four signups exceeds a limit of three. It creates no account."""
    signup = 'signUp(name: "A", email: "a%d@example.com", password: "purple monkey dishwasher")'
    fields = " ".join(f"a{i}: {signup % i} {{ id }}" for i in range(4))
    response = send(strict.client, f"mutation {{ {fields} }}")
    problem(response, 429, "too-many-requests")
    assert '"signup";r=3' in response.headers["RateLimit"]
    assert '"signup";q=3;w=60' in response.headers["RateLimit-Policy"]
    login = {"email": "a0@example.com", "password": "purple monkey dishwasher"}
    problem(strict.client.post("/api/auth/login", json=login), 401, "bad-credentials")


def test_the_name_of_the_operation_is_in_the_log_and_the_metrics(service: Service) -> None:
    """The log contains neither the query itself nor its variables."""
    account = sign_up(service.client)
    data(service.client, "query ReadMyName { me { name } }", account)
    data(service.client, "{ me { name } }", account)
    log = log_with(service, '"operation":"ReadMyName"', '"operation":"unnamed-operation"')
    assert "me {" not in log
    metrics = service.client.get("/metrics").text
    for name in ("ReadMyName", "unnamed-operation"):
        series = f'graphql_operation_duration_seconds_count{{operation="{name}",outcome="ok"}}'
        assert series in metrics


def test_the_metrics_name_a_hundred_operations(start_service: StartService) -> None:
    """The number of series is limited, even if a client invents names."""
    client = start_service().client
    for number in range(110):
        data(client, f"query Operation{number} {{ __typename }}")
    data(client, f"query {'N' * 1000} {{ __typename }}")
    lines = [
        line for line in client.get("/metrics").text.splitlines() if "_count{operation" in line
    ]
    assert len(lines) == 101
    other = 'graphql_operation_duration_seconds_count{operation="other-operations",outcome="ok"}'
    assert f"{other} 11.0" in lines


def test_the_codes_of_errors_are_in_the_log_and_the_metrics(service: Service) -> None:
    """The status is 200, so an operator sees a failed field only in the log and the metrics."""
    send(service.client, "query Failing { me { id } product(id: 0) { id } }")
    log_with(service, '"operation":"Failing","errors":["not-found","unauthenticated"]')
    failed = 'graphql_operation_duration_seconds_count{operation="Failing",outcome="failed"} 1.0'
    assert failed in service.client.get("/metrics").text

"""Helpers to send GraphQL queries, and to read their results and errors."""

from typing import Any

import httpx2

from tests.accounts import Account

GRAPHQL_JSON = "application/graphql-response+json"


def send(
    client: httpx2.Client, query: str, caller: Account | None = None, **variables: Any
) -> httpx2.Response:
    """Send a query with these variables, as `caller` or without a session."""
    return client.post(
        "/graphql",
        json={"query": query, "variables": variables},
        headers={"Accept": GRAPHQL_JSON, **(caller.auth if caller else {})},
    )


def data(
    client: httpx2.Client, query: str, caller: Account | None = None, **variables: Any
) -> dict[str, Any]:
    """Send a query, assert that it has no errors, and return its data."""
    response = send(client, query, caller, **variables)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    assert set(body) == {"data"}, body
    result: dict[str, Any] = body["data"]
    return result


def errors(response: httpx2.Response) -> list[dict[str, Any]]:
    """Return the errors of a response. Assert that each has a code and the page of its problem."""
    found: list[dict[str, Any]] = response.json()["errors"]
    for error in found:
        assert error["message"]
        assert error["extensions"]["type"] == f"/problems/{error['extensions']['code']}"
    return found


def codes(response: httpx2.Response) -> list[str]:
    """Return the codes of the errors of a response."""
    return [error["extensions"]["code"] for error in errors(response)]


def refusal(response: httpx2.Response) -> str:
    """Assert that nothing of a query has run, and return the code of its first error."""
    assert response.status_code == 400, response.text
    assert response.headers["Content-Type"] == GRAPHQL_JSON
    assert set(response.json()) == {"errors"}
    return codes(response)[0]

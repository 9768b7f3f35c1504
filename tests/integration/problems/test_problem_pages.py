"""The examples on the pages of problems."""

import json
import re
from html import unescape

import httpx2
import pytest

from tests.accounts import signup_body


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/nothing", "not-found"),
        ("GET", "/api/users/me", "unauthenticated"),
        ("GET", "/api/products?cursor=x", "malformed-cursor"),
    ],
)
def test_the_example_of_a_problem_is_what_the_service_sends(
    client: httpx2.Client, method: str, path: str, code: str
) -> None:
    """Only the request id differs. The example omits the headers that each response has."""
    response = client.request(method, path)
    problem = response.json()
    assert problem["code"] == code
    head, body = example(client, problem["type"]).split("\n\n")
    status, *headers = head.split("\n")
    assert status == f"HTTP/1.1 {response.status_code} {response.reason_phrase}"
    for name, _, value in (header.partition(": ") for header in headers):
        assert response.headers[name] == value
    if "WWW-Authenticate" in response.headers:
        assert "WWW-Authenticate: Bearer" in headers
    shown = json.loads(body)
    assert body.replace(shown["request_id"], problem["request_id"]) == json.dumps(problem, indent=2)


def test_the_example_of_an_invalid_value_has_its_place(client: httpx2.Client) -> None:
    """The example has the errors of a signup without an email."""
    body = signup_body()
    del body["email"]
    problem = client.post("/api/users", json=body).json()
    shown = json.loads(example(client, problem["type"]).split("\n\n")[1])
    assert shown["errors"] == problem["errors"]


def test_the_example_of_an_error_in_a_query_is_a_graphql_response(client: httpx2.Client) -> None:
    """An error in a query is an entry of `errors`, and never a problem document."""
    accept = {"Accept": "application/graphql-response+json"}
    response = client.post("/graphql", json={"query": "{ nothing }"}, headers=accept)
    (error,) = response.json()["errors"]
    (shown,) = json.loads(example(client, error["extensions"]["type"]))["errors"]
    assert shown["extensions"] == error["extensions"]
    assert shown.keys() <= error.keys()


def example(client: httpx2.Client, path: str) -> str:
    """Return the example on the page of a problem."""
    found = re.search(r"<pre>(.*?)</pre>", client.get(path).text, re.DOTALL)
    assert found
    return unescape(found[1])

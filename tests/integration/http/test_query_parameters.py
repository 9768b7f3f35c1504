"""A route accepts its own query parameters, each of them once, and refuses all others."""

import json
import re
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.accounts import Account
from tests.integration.wire import operations_of, problem

_UNDOCUMENTED_PATHS = ["/", "/docs", "/docs/start.js", "/docs/swagger-ui.css", "/metrics",
                       "/openapi.json", "/problems", "/problems/not-found"]  # fmt: skip


def _refused(response: httpx2.Response) -> dict[str, str]:
    errors = problem(response, 422, "invalid-content")["errors"]
    return {error["parameter"]: error["detail"] for error in errors}


def _operations(client: httpx2.Client) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """Return every operation with its query parameters."""
    queries: list[tuple[str, str, list[dict[str, Any]]]]
    queries = [("GET", path, []) for path in _UNDOCUMENTED_PATHS]
    for method, path, operation in operations_of(client.get("/openapi.json").json()):
        parameters = [it for it in operation.get("parameters", []) if it["in"] == "query"]
        queries.append((method.upper(), re.sub(r"{\w+}", "1", path), parameters))
    return queries


def test_every_operation_refuses_an_unknown_parameter(
    client: httpx2.Client, admin: Account
) -> None:
    """The problem names the parameter, and does not repeat its value."""
    operations = _operations(client)
    assert len(operations) > 25
    for method, path, _ in operations:
        response = client.request(method, f"{path}?no_such=canary", headers=admin.auth)
        assert _refused(response) == {"no_such": "This parameter is unknown."}, path
        assert "canary" not in response.text


def test_every_parameter_but_a_list_is_refused_if_it_is_repeated(
    client: httpx2.Client, admin: Account
) -> None:
    """The service cannot know which value is meant. Only a list is sent as repeated parameters."""
    checked = set()
    for method, path, parameters in _operations(client):
        for parameter in parameters:
            if parameter["schema"].get("type") != "array":
                name = parameter["name"]
                checked.add(name)
                query = f"{name}=canary&{name}=canary"
                response = client.request(method, f"{path}?{query}", headers=admin.auth)
                assert _refused(response) == {name: "Give this parameter only once."}, path
                assert "canary" not in response.text
    assert {"limit", "cursor", "email", "status", "return_to"} <= checked
    assert client.get("/readyz?exclude=redis&exclude=postgres").status_code == 200


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("page=2", ["page"]),
        ("limt=1", ["limt"]),
        ("limit=1&limit=2", ["limit"]),
        ("limit=1&limit=1", ["limit"]),
        ("limit=1&Limit=1", ["Limit"]),
        ("limit=1&%6Cimit=1", ["limit"]),
        ("limit[]=1", ["limit[]"]),
        ("limit%00=1", ["limit\x00"]),
        ("b=1&a=1&limit=5&limit=6&a=2", ["b", "a", "limit"]),
        ("=1", [""]),
        ("x", ["x"]),
        ("limit=1;cursor=2", ["limit"]),
        ("%FF=1", ["\ufffd"]),
    ],
)
def test_the_problem_names_each_invalid_parameter(
    client: httpx2.Client, query: str, names: list[str]
) -> None:
    """The name is decoded, and a semicolon is not a separator."""
    assert list(_refused(client.get(f"/api/products?{query}"))) == names


@pytest.mark.parametrize("query", ["", "&", "limit=3", "limit=3&", "%6Cimit=3"])
def test_a_query_of_known_parameters_is_accepted(client: httpx2.Client, query: str) -> None:
    """Every equivalent spelling is accepted."""
    assert client.get(f"/api/products?{query}").status_code == 200


def test_a_refused_query_is_refused_again_and_for_head(client: httpx2.Client) -> None:
    """No cached response is used, although the same path without the parameter is cached."""
    for _ in range(3):
        assert client.get("/api/products").status_code == 200
        assert _refused(client.get("/api/products?page=2"))
        assert client.head("/api/products?page=2").status_code == 422


def test_the_number_of_errors_is_limited(client: httpx2.Client) -> None:
    """The problem of a query with 4,000 unknown parameters has 50 errors."""
    response = client.get("/api/products?" + "&".join(f"x{number}" for number in range(4000)))
    assert len(_refused(response)) == 50


def test_the_callback_ignores_unknown_parameters(client: httpx2.Client) -> None:
    """RFC 6749, section 4.1.2: the client (here, the service) ignores unknown parameters."""
    query = "code=1&state=2&session_state=3&scope=openid&scope=email&authuser=0"
    response = client.get(f"/api/auth/oidc/unknown/callback?{query}")
    problem(response, 404, "not-found")
    twice = client.get("/api/auth/oidc/unknown/callback?state=1&state=2")
    assert _refused(twice) == {"state": "Give this parameter only once."}


def test_a_parameter_name_cannot_inject_json_into_the_problem(
    client: httpx2.Client,
) -> None:
    """The name is encoded as a JSON string."""
    name = '","code":"forged\r\n'
    response = client.get(f"/api/products?{quote(name)}=1")
    assert list(_refused(response)) == [name]
    assert json.loads(response.text)["code"] == "invalid-content"

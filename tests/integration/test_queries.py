"""Query parameters: a route takes its own, each once, and refuses any other."""

import json
import re
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests.accounts import Account
from tests.integration.wire import problem

_HIDDEN = ["/", "/docs", "/docs/start.js", "/docs/swagger-ui.css", "/metrics", "/openapi.json",
           "/problems", "/problems/not-found"]  # fmt: skip


def _refused(response: httpx2.Response) -> dict[str, str]:
    errors = problem(response, 422, "invalid-content")["errors"]
    return {error["parameter"]: error["detail"] for error in errors}


def _calls(client: httpx2.Client) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """Return every call that there is, with its query parameters."""
    documented = [
        (method.upper(), re.sub(r"{\w+}", "1", path), operation.get("parameters", []))
        for path, operations in client.get("/openapi.json").json()["paths"].items()
        for method, operation in operations.items()
    ]
    queries = [
        (method, path, [it for it in parameters if it["in"] == "query"])
        for method, path, parameters in documented
    ]
    return [*queries, *(("GET", path, []) for path in _HIDDEN)]


def test_every_call_refuses_a_parameter_that_it_does_not_have(
    client: httpx2.Client, admin: Account
) -> None:
    """The problem names the parameter, and never repeats its value."""
    calls = _calls(client)
    assert len(calls) > 25
    for method, path, _ in calls:
        response = client.request(method, f"{path}?no_such=canary", headers=admin.auth)
        assert _refused(response) == {"no_such": "This parameter is unknown."}, path
        assert "canary" not in response.text


def test_every_parameter_that_is_no_list_is_refused_when_it_is_given_twice(
    client: httpx2.Client, admin: Account
) -> None:
    """Which of the two was meant is not guessed. A list is written by repeating its name."""
    tried = set()
    for method, path, parameters in _calls(client):
        for parameter in parameters:
            if parameter["schema"].get("type") != "array":
                name = parameter["name"]
                tried.add(name)
                query = f"{name}=canary&{name}=canary"
                response = client.request(method, f"{path}?{query}", headers=admin.auth)
                assert _refused(response) == {name: "Give this parameter only once."}, path
                assert "canary" not in response.text
    assert {"limit", "cursor", "email", "status", "return_to"} <= tried
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
def test_each_parameter_that_does_not_fit_is_named(
    client: httpx2.Client, query: str, names: list[str]
) -> None:
    """As it is written after decoding; a semicolon separates nothing."""
    assert list(_refused(client.get(f"/api/products?{query}"))) == names


@pytest.mark.parametrize("query", ["", "&", "limit=3", "limit=3&", "%6Cimit=3"])
def test_a_query_of_known_parameters_is_answered(client: httpx2.Client, query: str) -> None:
    """In each spelling that means the same."""
    assert client.get(f"/api/products?{query}").status_code == 200


def test_a_refused_query_is_refused_again_and_for_head_too(client: httpx2.Client) -> None:
    """No cache answers it, though the same path without the parameter is cached."""
    for _ in range(3):
        assert client.get("/api/products").status_code == 200
        assert _refused(client.get("/api/products?page=2"))
        assert client.head("/api/products?page=2").status_code == 422


def test_the_number_of_errors_is_limited(client: httpx2.Client) -> None:
    """A query of thousands of parameters gets a short answer."""
    response = client.get("/api/products?" + "&".join(f"x{number}" for number in range(4000)))
    assert len(_refused(response)) == 50


def test_a_provider_may_send_parameters_that_nobody_has_asked_for(client: httpx2.Client) -> None:
    """RFC 6749, section 4.1.2: the client ignores unrecognised parameters of the response."""
    query = "code=1&state=2&session_state=3&scope=openid&scope=email&authuser=0"
    response = client.get(f"/api/auth/oidc/nobody/callback?{query}")
    problem(response, 404, "not-found")
    twice = client.get("/api/auth/oidc/nobody/callback?state=1&state=2")
    assert _refused(twice) == {"state": "Give this parameter only once."}


def test_a_parameter_that_looks_like_json_or_a_line_break_stays_in_its_place(
    client: httpx2.Client,
) -> None:
    """The name is written as JSON wants it, so that it cannot forge another member."""
    name = '","code":"forged\r\n'
    response = client.get(f"/api/products?{quote(name)}=1")
    assert list(_refused(response)) == [name]
    assert json.loads(response.text)["code"] == "invalid-content"

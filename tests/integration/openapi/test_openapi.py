"""The OpenAPI document matches what the service sends: headers, problems and limits of values."""

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.accounts import Account, signup_body
from tests.integration.shop import basket, new_product
from tests.integration.wire import Operations, operations_of

_UNSAFE = {"post", "put", "patch", "delete"}
_LARGEST_SAFE_INTEGER = 2**53 - 1
_EVERY_RESPONSE = {"X-Request-ID", "RateLimit-Policy", "RateLimit"}


@pytest.fixture(scope="module")
def document(client: httpx2.Client) -> dict[str, Any]:
    """The OpenAPI document."""
    parsed: dict[str, Any] = client.get("/openapi.json").json()
    return parsed


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> Operations:
    """Each operation with its method and path."""
    return operations_of(document)


def test_the_document_names_its_server_licence_and_tags(
    client: httpx2.Client, document: dict[str, Any], operations: Operations
) -> None:
    """A generated client knows the server's URL, and each tag has a description."""
    assert [server["url"] for server in document["servers"]] == [str(client.base_url).rstrip("/")]
    assert document["info"]["license"] == {"name": "MIT", "identifier": "MIT"}
    described = {tag["name"] for tag in document["tags"] if tag["description"]}
    assert described == {tag for _, _, operation in operations for tag in operation["tags"]}


def test_every_operation_lists_its_security_schemes(operations: Operations) -> None:
    """A public operation lists no scheme. The others need a token or cookie and can return 401.

    In GraphQL, a session is optional. If a field needs a session, the error of the field says so.
    """
    schemes: list[dict[str, list[str]]] = [{"AccessToken": []}, {"SessionCookie": []}]
    for method, path, operation in operations:
        if path == "/graphql":
            assert operation["security"] == [{}, *schemes]
            assert "401" not in operation["responses"]
        elif operation["security"]:
            assert operation["security"] == schemes
            assert "`invalid-token`" in operation["responses"]["401"]["description"], (method, path)


def test_every_response_lists_its_headers(operations: Operations) -> None:
    """Some headers are in every response, and some only with certain statuses."""
    for _, path, operation in operations:
        for status, response in operation["responses"].items():
            headers = set(response["headers"])
            assert headers >= _EVERY_RESPONSE
            assert ("WWW-Authenticate" in headers) == (status == "401"), path
            assert ("Retry-After" in headers) == (status in {"429", "503"}), path
            assert ("Location" in headers) == (status in {"201", "303"}), path


def test_a_response_without_a_body_documents_no_content(operations: Operations) -> None:
    """A generated client does not try to parse an empty body."""
    empty = [
        (method, path, response)
        for method, path, operation in operations
        for status, response in operation["responses"].items()
        if status in {"202", "204", "303", "304"}
    ]
    assert len(empty) > 10
    assert not [(method, path) for method, path, response in empty if "content" in response]


def test_every_parameter_is_described_and_path_parameters_keep_their_order(
    operations: Operations,
) -> None:
    """The functions of a generated client have path parameters in the order of the document."""
    for _, path, operation in operations:
        parameters = operation.get("parameters", [])
        assert all(parameter["description"] for parameter in parameters), path
        in_path = [parameter["name"] for parameter in parameters if parameter["in"] == "path"]
        assert in_path == re.findall(r"{(\w+)}", path)


def test_every_unsafe_operation_documents_cross_site(operations: Operations) -> None:
    """An unsafe request with a cookie gets 403 if it comes from a page of another site."""
    for method, path, operation in operations:
        forbidden = operation["responses"].get("403", {"description": ""})["description"]
        assert ("`cross-site`" in forbidden) == (method in _UNSAFE), (method, path)


def test_every_read_with_an_etag_supports_if_none_match(
    client: httpx2.Client, operations: Operations, ahmed: Account, admin: Account
) -> None:
    """The document and the service agree on the ETag, the 304 and the headers of each read."""
    product = new_product(client, admin)
    body = basket((product, 1))
    order = client.post(f"{ahmed.url}/orders", json=body, headers=ahmed.auth).json()
    session = client.get("/api/auth/sessions", headers=ahmed.auth).json()["items"][0]
    ids = {"product_id": product["id"], "order_id": order["id"], "session_id": session["id"]}
    ids["identity_id"] = 1
    checked = 0
    for method, path, operation in operations:
        # Only an administrator can list users. The user `ahmed` can read everything else.
        caller = admin if path == "/api/users" else ahmed
        url = path.format_map({**ids, "user_id": ahmed.id, "provider": "none"})
        if method == "get" and client.get(url, headers=caller.auth).status_code == 200:
            _assert_documented(client, url, caller, operation)
            checked += 1
    assert checked >= 12


def _assert_documented(
    client: httpx2.Client, url: str, caller: Account, operation: dict[str, Any]
) -> None:
    response = client.get(url, headers=caller.auth)
    described = operation["responses"]["200"]["headers"]
    for header in ("ETag", "Link", "X-Cache"):
        assert (header in described) == (header in response.headers), (url, header)
    is_conditional = "If-None-Match" in {item["name"] for item in operation.get("parameters", [])}
    assert is_conditional == ("304" in operation["responses"]) == ("ETag" in response.headers), url
    if is_conditional:
        headers = {**caller.auth, "If-None-Match": response.headers["ETag"]}
        unchanged = client.get(url, headers=headers)
        assert unchanged.status_code == 304, url
        assert set(map(str.lower, operation["responses"]["304"]["headers"])) <= set(
            unchanged.headers
        )


def _schemas(part: object) -> Iterator[dict[str, Any]]:
    if isinstance(part, list):
        for item in part:
            yield from _schemas(item)
    elif isinstance(part, dict):
        yield part
        for item in part.values():
            yield from _schemas(item)


def test_integers_have_bounds_that_every_client_can_represent(document: dict[str, Any]) -> None:
    """An id is an int64 of 1 or more. No bound exceeds the largest safe integer of JavaScript."""
    integers = [schema for schema in _schemas(document) if schema.get("type") == "integer"]
    assert len(integers) > 20
    for schema in integers:
        assert schema["format"] == "int64"
        for bound in ("minimum", "maximum"):
            value = schema.get(bound, 0)
            assert isinstance(value, int)
            assert abs(value) <= _LARGEST_SAFE_INTEGER
    order = document["components"]["schemas"]["OrderRead"]["properties"]
    assert order["id"]["minimum"] == 1


def test_enums_are_named_and_shared(document: dict[str, Any]) -> None:
    """A generated client has one type for the status of an order, wherever a status occurs."""
    schemas = document["components"]["schemas"]
    status = {"$ref": "#/components/schemas/OrderStatus"}
    assert schemas["OrderRead"]["properties"]["status"] == status
    assert schemas["OrderUpdate"]["properties"]["status"] == status
    parameters = document["paths"]["/api/users/{user_id}/orders"]["get"]["parameters"]
    filter_schema = next(item["schema"] for item in parameters if item["name"] == "status")
    assert status in filter_schema["anyOf"]
    assert schemas["UserRead"]["properties"]["role"] == {"$ref": "#/components/schemas/Role"}
    assert schemas["Role"]["enum"] == ["user", "admin"]


def test_a_problems_code_is_an_open_enum(client: httpx2.Client, document: dict[str, Any]) -> None:
    """All codes with a page are listed, and clients must accept other codes too."""
    known, others = document["components"]["schemas"]["Problem"]["properties"]["code"]["anyOf"]
    assert others == {"type": "string"}
    pages = re.findall(r'href="/problems/([a-z-]+)"', client.get("/problems").text)
    assert sorted(known["enum"]) == sorted(pages)


def test_a_problem_omits_errors_instead_of_sending_null(
    client: httpx2.Client, document: dict[str, Any]
) -> None:
    """In the OpenAPI document, no member of a problem may be null."""
    schemas = document["components"]["schemas"]
    assert "errors" not in schemas["Problem"]["required"]
    for name in ("Problem", "FieldProblem"):
        for schema in schemas[name]["properties"].values():
            assert "default" not in schema
            assert {"type": "null"} not in schema.get("anyOf", [])
    invalid = client.post("/api/users", json=signup_body(name=""))
    assert all(None not in error.values() for error in invalid.json()["errors"])

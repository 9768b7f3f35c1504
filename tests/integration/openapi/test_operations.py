"""The operations of the OpenAPI document, the page that shows them, and their problems' pages."""

import re
from typing import Any

import httpx2
import pytest

from tests.integration.wire import operations_of

_URL = re.compile(r"""(?:https?:)?//[\w.-]+""")
_PATHS_WITH_CREDENTIALS_IN_THE_BODY = {"/api/auth/login", "/api/auth/refresh", "/api/auth/session"}
_CODE = re.compile(r"`([a-z]+(?:-[a-z]+)*)`")


@pytest.fixture(scope="module")
def document(client: httpx2.Client) -> dict[str, Any]:
    """The OpenAPI document."""
    response = client.get("/openapi.json")
    assert response.headers["Content-Type"] == "application/json"
    parsed: dict[str, Any] = response.json()
    return parsed


def test_the_documentation_needs_no_other_server(client: httpx2.Client) -> None:
    """The service serves each file of the page, and no URL in the page is of another server."""
    page = client.get("/docs")
    assert page.status_code == 200
    assert not _URL.findall(page.text)
    names = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    types = {"js": "text/javascript", "css": "text/css", "png": "image/png"}
    assert {name.rpartition(".")[2] for name in names} == set(types)
    for name in names:
        asset = client.get(name)
        assert asset.status_code == 200
        assert asset.headers["Content-Type"].startswith(types[name.rpartition(".")[2]])
        assert asset.headers["X-Content-Type-Options"] == "nosniff"
    assert '"openapi.json"' in client.get("/docs/start.js").text
    assert not _URL.findall(client.get("/docs/start.js").text)
    assert "<script>" not in page.text
    assert "style=" not in page.text


def test_every_operation_is_described_with_an_example(document: dict[str, Any]) -> None:
    """Every operation has a summary, a command to copy, and a unique operation id."""
    operations = operations_of(document)
    names = [operation["operationId"] for _, _, operation in operations]
    assert len(set(names)) == len(names) >= 9
    for method, path, operation in operations:
        assert re.search("```sh\n(.*\n)*curl -i", operation["description"]), (method, path)
        assert operation["summary"]
        if not operation["security"]:
            assert (
                "401" not in operation["responses"] or path in _PATHS_WITH_CREDENTIALS_IN_THE_BODY
            )


def test_the_document_contains_the_operations_of_the_contract(document: dict[str, Any]) -> None:
    """The document contains at least the operations in this list."""
    calls = {(method.upper(), path) for method, path, _ in operations_of(document)}
    assert calls >= {
        ("POST", "/api/users"),
        ("GET", "/api/users"),
        ("GET", "/api/users/me"),
        ("GET", "/api/users/{user_id}"),
        ("PATCH", "/api/users/{user_id}"),
        ("PUT", "/api/users/{user_id}/password"),
        ("PUT", "/api/users/{user_id}/email"),
        ("DELETE", "/api/users/{user_id}"),
        ("POST", "/api/auth/email-confirmation"),
        ("PUT", "/api/auth/email-confirmation"),
        ("POST", "/api/auth/password-reset"),
        ("PUT", "/api/auth/password-reset"),
        ("POST", "/api/auth/login"),
        ("GET", "/api/auth/oidc/{provider}/login"),
        ("POST", "/api/auth/oidc/{provider}/link"),
        ("POST", "/api/auth/refresh"),
        ("POST", "/api/auth/logout"),
        ("POST", "/api/auth/session"),
        ("GET", "/api/auth/sessions"),
        ("DELETE", "/api/auth/sessions/{session_id}"),
        ("GET", "/.well-known/jwks.json"),
        ("GET", "/api/products"),
        ("POST", "/api/products"),
        ("GET", "/api/products/{product_id}"),
        ("PATCH", "/api/products/{product_id}"),
        ("GET", "/api/users/{user_id}/orders"),
        ("POST", "/api/users/{user_id}/orders"),
        ("GET", "/api/users/{user_id}/orders/{order_id}"),
        ("PATCH", "/api/users/{user_id}/orders/{order_id}"),
        ("GET", "/livez"),
        ("GET", "/readyz"),
    }


def test_each_problem_in_the_document_has_a_page(
    client: httpx2.Client, document: dict[str, Any]
) -> None:
    """Every `type` that a client can get is the address of an explanation."""
    codes = {
        code
        for _, _, operation in operations_of(document)
        for status, response in operation["responses"].items()
        if int(status) >= 400
        for code in _CODE.findall(response["description"])
    }
    assert codes >= {"email-taken", "bad-credentials", "wrong-password", "too-many-requests",
                     "internal-error", "malformed-json", "sku-taken", "out-of-stock",
                     "invalid-transition", "idempotency-in-flight", "idempotency-mismatch",
                     "contended", "invalid-refresh-token", "invalid-session", "cross-site",
                     "too-many-failed-logins", "account-disabled", "email-confirmed",
                     "invalid-link"}  # fmt: skip
    listed = client.get("/problems").text
    for code in sorted(codes | {"overloaded", "not-ready", "malformed-request"}):
        response = client.get(f"/problems/{code}")
        assert response.status_code == 200, code
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert code in response.text
        assert not _URL.findall(response.text)
        assert f'href="/problems/{code}"' in listed


def test_operations_that_hash_a_password_document_overloaded(document: dict[str, Any]) -> None:
    """These operations return the 503 `overloaded` when the password queue is full."""
    for method, path in [
        ("post", "/api/users"),
        ("post", "/api/auth/login"),
        ("post", "/api/auth/session"),
        ("put", "/api/users/{user_id}/password"),
        ("put", "/api/users/{user_id}/email"),
        ("put", "/api/auth/password-reset"),
    ]:
        unavailable = document["paths"][path][method]["responses"]["503"]
        assert "`overloaded`" in unavailable["description"], path


def test_every_documented_error_is_a_problem(document: dict[str, Any]) -> None:
    """Each 4xx and 5xx is application/problem+json, with the schema Problem.

    Only a GraphQL query that is refused gets a GraphQL response instead.
    """
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for method, path, operation in operations_of(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                content = dict(response["content"])
                if (path, status) == ("/graphql", "400"):
                    assert content.pop("application/graphql-response+json")
                assert content == {"application/problem+json": problem}, (method, path, status)


def test_the_problem_schema_has_the_members_of_a_sent_problem(
    client: httpx2.Client, document: dict[str, Any]
) -> None:
    """A problem with `errors` has every member of the schema."""
    schema = document["components"]["schemas"]["Problem"]
    sent = client.post("/api/users", json={}).json()
    assert set(schema["properties"]) == set(sent)

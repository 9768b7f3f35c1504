"""Operations: health, metrics, the OpenAPI document, the documentation, the problem pages."""

import re
import signal
import time
from typing import Any

import httpx2
import pytest

from tests.accounts import Account
from tests.conftest import StartService
from tests.integration.wire import problem

_URL = re.compile(r"""(?:https?:)?//[\w.-]+""")
_CREDENTIALS_IN_THE_BODY = {"/api/auth/login", "/api/auth/refresh", "/api/auth/session"}
_CODE = re.compile(r"`([a-z]+(?:-[a-z]+)*)`")


@pytest.fixture(scope="module")
def document(client: httpx2.Client) -> dict[str, Any]:
    """The OpenAPI document."""
    response = client.get("/openapi.json")
    assert response.headers["Content-Type"] == "application/json"
    parsed: dict[str, Any] = response.json()
    return parsed


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


def test_livez_says_that_the_process_lives(client: httpx2.Client) -> None:
    """Nothing is asked, nothing may be cached."""
    response = client.get("/livez")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})
    assert response.headers["Cache-Control"] == "no-store"


def test_readyz_reports_each_part(client: httpx2.Client) -> None:
    """All is well, and says so."""
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "ready", "postgres": "up", "redis": "up"}
    assert response.headers["Cache-Control"] == "no-store"


def test_readyz_takes_the_parts_it_knows_only(client: httpx2.Client) -> None:
    """A slip of the pen in a probe's URL does not silently exclude nothing."""
    for query in ("exclude=postgres", "exclude=redis", "exclude=postgres&exclude=redis"):
        assert client.get(f"/readyz?{query}").status_code == 200
    refused = problem(client.get("/readyz?exclude=postgrse"), 422, "invalid-content")
    assert refused["errors"][0]["parameter"].startswith("exclude")
    assert "postgrse" not in str(refused)


def test_readyz_turns_503_before_the_process_ends(start_service: StartService) -> None:
    """Whoever keeps a connection open sees it, while requests still succeed."""
    service = start_service(DRAIN_DELAY="1.5")
    service.client.get("/readyz").raise_for_status()
    service.process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + 1
    while (response := service.client.get("/readyz")).status_code == 200:
        assert time.monotonic() < deadline
    document = problem(response, 503, "not-ready")  # check F15
    assert int(response.headers["Retry-After"]) >= 1
    assert "end" in document["detail"]
    service.client.get("/livez").raise_for_status()


def test_metrics_count_requests_by_route(client: httpx2.Client, somebody: Account) -> None:
    """Route templates, never paths: the number of series has an end."""
    client.get(somebody.url, headers=somebody.auth).raise_for_status()
    client.get("/a-path-that-nobody-has")
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    assert response.headers["Cache-Control"] == "no-store"
    count = 'http_request_duration_seconds_count{method="GET",route="%s",status="%d"}'
    assert count % ("/api/users/{user_id}", 200) in response.text
    assert count % ("none", 404) in response.text
    assert "a-path-that-nobody-has" not in response.text
    assert somebody.url not in response.text
    assert "process_resident_memory_bytes" in response.text


def test_the_documentation_needs_no_other_server(client: httpx2.Client) -> None:
    """Each file that the page names is here; no URL in it leads elsewhere."""
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
    assert "/openapi.json" in client.get("/docs/start.js").text
    assert not _URL.findall(client.get("/docs/start.js").text)
    assert "<script>" not in page.text
    assert "style=" not in page.text


def test_every_operation_is_described_with_an_example(document: dict[str, Any]) -> None:
    """A sentence and a command to paste; names that a generated client can use."""
    operations = _operations(document)
    names = [operation["operationId"] for _, _, operation in operations]
    assert len(set(names)) == len(names) >= 9
    for method, path, operation in operations:
        assert "```sh\ncurl -i" in operation["description"], (method, path)
        assert operation["summary"]
        if not operation["security"]:
            assert "401" not in operation["responses"] or path in _CREDENTIALS_IN_THE_BODY


def test_the_contracts_calls_are_in_the_document(document: dict[str, Any]) -> None:
    """The OpenAPI document says the same as the contract."""
    calls = {(method.upper(), path) for method, path, _ in _operations(document)}
    assert calls >= {
        ("POST", "/api/users"),
        ("GET", "/api/users"),
        ("GET", "/api/users/me"),
        ("GET", "/api/users/{user_id}"),
        ("PATCH", "/api/users/{user_id}"),
        ("PUT", "/api/users/{user_id}/password"),
        ("DELETE", "/api/users/{user_id}"),
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


def test_each_problem_of_the_document_has_its_page(
    client: httpx2.Client, document: dict[str, Any]
) -> None:
    """Every `type` that a client may see leads to an explanation in plain words."""
    codes = {
        code
        for _, _, operation in _operations(document)
        for status, response in operation["responses"].items()
        if int(status) >= 400
        for code in _CODE.findall(response["description"])
    }
    assert codes >= {"email-taken", "bad-credentials", "wrong-password", "too-many-requests",
                     "internal-error", "malformed-json", "sku-taken", "out-of-stock",
                     "invalid-transition", "idempotency-in-flight", "idempotency-mismatch",
                     "contended", "invalid-refresh-token", "invalid-session", "cross-site",
                     "too-many-failed-logins"}  # fmt: skip
    listed = client.get("/problems").text
    for code in sorted(codes | {"overloaded", "not-ready", "malformed-request"}):
        response = client.get(f"/problems/{code}")
        assert response.status_code == 200, code
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert code in response.text
        assert not _URL.findall(response.text)
        assert f'href="/problems/{code}"' in listed


def test_calls_that_hash_a_password_say_that_they_may_be_overloaded(
    document: dict[str, Any],
) -> None:
    """What a client can get is in the document."""
    for method, path in [
        ("post", "/api/users"),
        ("post", "/api/auth/login"),
        ("post", "/api/auth/session"),
        ("put", "/api/users/{user_id}/password"),
    ]:
        unavailable = document["paths"][path][method]["responses"]["503"]
        assert "`overloaded`" in unavailable["description"], path


def test_every_documented_problem_status_is_a_problem(document: dict[str, Any]) -> None:
    """4xx and 5xx are application/problem+json everywhere, with the problem's schema."""
    for method, path, operation in _operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                content = response["content"]
                assert list(content) == ["application/problem+json"], (method, path, status)
                schema = content["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}


def test_the_problem_schema_lists_what_is_sent(
    client: httpx2.Client, document: dict[str, Any]
) -> None:
    """The members of the document are those of the responses."""
    schema = document["components"]["schemas"]["Problem"]
    sent = client.post("/api/users", json={}).json()
    assert set(schema["properties"]) == set(sent)

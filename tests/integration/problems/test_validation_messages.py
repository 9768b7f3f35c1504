"""No problem contains a message of Pydantic, for any field, parameter or value."""

import re
from typing import Any

import httpx2
import pytest
from pydantic_core._pydantic_core import list_all_errors

from tests.accounts import Account, new_admin
from tests.integration.wire import operations_of, problem

_TEMPLATE = re.compile(r"\\{\w+\\}")
_PYDANTIC = re.compile(
    "|".join(
        _TEMPLATE.sub(".*", re.escape(error["message_template_python"]))
        for error in list_all_errors()
        if error["type"] != "json_invalid"
    )
)
"""Matches every error message of Pydantic, except the message about invalid JSON."""
_VALUES: list[Any] = [None, True, -1, 0, 1.5, 2**63, 2**70, "", "?", "x" * 5000, [], [0] * 60, {},
                      {"amount": "1", "currency": 1}, [{"product_id": 0}, 1]]  # fmt: skip
_URL_VALUES = ["", "0", "-1", "1.5", "x", "%00", "9" * 30, "x" * 300]


@pytest.fixture
def tester(client: httpx2.Client, database_url: str) -> Account:
    """An administrator for one test, because the test may end the administrator's session."""
    return new_admin(client, database_url)


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _details(response: httpx2.Response) -> list[str]:
    # The problem of an unknown token has no details of fields.
    if response.status_code != 422 or response.json()["code"] == "invalid-link":
        return []
    return [error["detail"] for error in problem(response, 422, "invalid-content")["errors"]]


def test_no_problem_about_a_body_has_a_message_of_pydantic(
    client: httpx2.Client, tester: Account
) -> None:
    """Each field of each body has values of every type and many sizes, or is missing."""
    document, details = client.get("/openapi.json").json(), []
    for method, path, operation in operations_of(document):
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]["application/json"]["schema"]
            fields = _resolved(document, content)["properties"]
            bodies = [{name: value for name in fields} for value in _VALUES]  # noqa: C420
            for body in [*bodies, *_VALUES, {"no_such": 1}]:
                url = re.sub(r"{\w+}", str(tester.id), path)
                headers = {**tester.auth, "If-Match": '"none"'}
                details += _details(client.request(method, url, json=body, headers=headers))
    assert len(set(details)) > 15
    assert not [detail for detail in details if _PYDANTIC.search(detail)]


def test_no_problem_about_a_url_has_a_message_of_pydantic(
    client: httpx2.Client, tester: Account
) -> None:
    """Each parameter of each path and query gets invalid values."""
    document, details = client.get("/openapi.json").json(), []
    # A logout has no parameters to test, and would end the session of this test.
    del document["paths"]["/api/auth/logout"]
    for method, path, operation in operations_of(document):
        names = [it["name"] for it in operation.get("parameters", []) if it["in"] == "query"]
        for value in _URL_VALUES:
            query = "&".join(f"{name}={value}" for name in names)
            url = re.sub(r"{\w+}", value or "0", path)
            response = client.request(method, f"{url}?{query}", headers=tester.auth, json={})
            details += _details(response)
    assert len(set(details)) > 4
    assert not [detail for detail in details if _PYDANTIC.search(detail)]

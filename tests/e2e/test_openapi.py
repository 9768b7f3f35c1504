"""The OpenAPI document, held against the running stack: by a fuzzer, and by pasting from it."""

import os
import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.local_stack import CHECKOUT, LocalStack, signup

PASSWORD = "correct horse battery"
ADMIN = {"list_users", "create_product", "update_product"}
# It needs an identity, which only a browser can link.
IN_A_BROWSER = {"delete_identity"}
EXAMPLE = re.compile(r"```sh\n(.*?)\n```", re.DOTALL)


@pytest.fixture
def admin(stack: LocalStack) -> str:
    """The email of an administrator; not the fuzzer's, who may give themselves another."""
    email = f"{secrets.token_hex(8)}@example.com"
    result = stack.run("admin", EMAIL=email, PASSWORD=PASSWORD)
    assert result.returncode == 0, result.stdout
    return email


@pytest.fixture
def token(stack: LocalStack, admin: str) -> str:
    """The administrator's token; of the product that the examples buy there is enough."""
    token = _log_in(stack, admin)
    _fill_the_shelf(stack, token)
    return token


@pytest.mark.slow
def test_the_service_does_what_its_openapi_document_says(stack: LocalStack, token: str) -> None:
    """Schemathesis, a short round with every check."""
    _fuzz(stack, token, examples=5)


@pytest.mark.fuzz
def test_the_service_does_what_its_openapi_document_says_at_length(
    stack: LocalStack, token: str
) -> None:
    """The same for as many examples as FUZZ_EXAMPLES says."""
    _fuzz(stack, token, examples=int(os.environ["FUZZ_EXAMPLES"]))


@pytest.mark.slow
@pytest.mark.usefixtures("token")
def test_the_examples_of_the_documentation_run_when_pasted(
    stack: LocalStack, admin: str, tmp_path: Path
) -> None:
    """Each curl command in the document succeeds, after what the document says to do first."""
    document = stack.request("GET", "/openapi.json").json()
    operations = [
        (method, operation)
        for methods in document["paths"].values()
        for method, operation in methods.items()
        if operation["operationId"] not in IN_A_BROWSER
    ]
    assert len(operations) >= 18
    person = [it for method, it in operations if method == "get" and it["operationId"] not in ADMIN]
    # One person for all that is only read, and one for each other example: some end in a new
    # password, or without an account.
    for group in [person, *([it] for _, it in operations if it not in person)]:
        email = f"{secrets.token_hex(8)}@example.com"
        if group[0]["operationId"] in ADMIN:
            email = admin
        elif group[0]["operationId"] != "create_user":
            stack.request("POST", "/api/users", body=signup(email))
        script = _script(document, group).replace("ahmed@example.com", email)
        assert _paste(script, tmp_path) == [min(it["responses"]) for it in group], script


def _script(document: dict[str, Any], operations: list[dict[str, Any]]) -> str:
    account, purchase = _examples(document["info"])
    examples = [example for it in operations for example in _examples(it)]
    prepare = [account] if any("$" in example for example in examples) else []
    prepare += [purchase] if any(f"${x}" in "".join(examples) for x in ("PRODUCT", "ORDER")) else []
    script = "\n".join([*prepare, *(f"{example}; echo" for example in examples), ""])
    return script.replace("kettle-1", secrets.token_hex(8))


def _paste(script: str, directory: Path) -> list[str]:
    output = subprocess.run(
        ["bash", "-euc", script], cwd=directory, check=True, capture_output=True, text=True
    ).stdout
    return re.findall(r"^HTTP/[\d.]+ (\d+)", output, re.MULTILINE)


def _examples(part: dict[str, Any]) -> list[str]:
    found = EXAMPLE.findall(part["description"])
    assert found, part["description"]
    return found


def _fill_the_shelf(stack: LocalStack, token: str) -> None:
    """See to it that of the first product, which the examples buy, there is enough."""
    auth = {"Authorization": f"Bearer {token}"}
    price = {"amount": "24.90", "currency": "EUR"}
    kettle = {"sku": secrets.token_hex(8), "name": "Kettle", "price": price, "stock": 1000}
    assert stack.request("POST", "/api/products", body=kettle, headers=auth).status == 201
    first = stack.request("GET", "/api/products?limit=1").json()["items"][0]
    headers = {**auth, "If-Match": "*"}
    body = {"stock": 1000}
    path = f"/api/products/{first['id']}"
    assert stack.request("PATCH", path, body=body, headers=headers).status == 200


def _log_in(stack: LocalStack, email: str) -> str:
    login = {"email": email, "password": PASSWORD}
    token: str = stack.request("POST", "/api/auth/login", body=login).json()["access_token"]
    return token


def _guest_token(stack: LocalStack) -> str:
    guest = signup(f"guest-{secrets.token_hex(4)}@example.com")
    assert stack.request("POST", "/api/users", body=guest).status == 201
    return _log_in(stack, guest["email"])


def _fuzz(stack: LocalStack, token: str, examples: int) -> None:
    email = f"victim-{secrets.token_hex(4)}@example.com"
    victim = stack.request("POST", "/api/users", body=signup(email)).json()["id"]
    command = ["run", f"http://localhost:{stack.http_port}/openapi.json", "--checks", "all"]
    result = subprocess.run(
        [Path(sys.executable).with_name("schemathesis"), *command, f"--max-examples={examples}"],
        cwd=CHECKOUT,
        env={
            **os.environ,
            "FUZZ_TOKEN": token,
            "FUZZ_VICTIM": str(victim),
            "FUZZ_LOGOUT_TOKEN": _guest_token(stack),
            "FUZZ_DELETE_TOKEN": _guest_token(stack),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    # With a token that is refused, the fuzzer would be content with 401 throughout.
    assert "401 Unauthorized (" not in result.stdout

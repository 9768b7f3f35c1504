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


def test_the_service_does_what_its_openapi_document_says(stack: LocalStack, token: str) -> None:
    """Schemathesis, a short round with every check."""
    _fuzz(stack, token, examples=5)


@pytest.mark.fuzz
def test_the_service_does_what_its_openapi_document_says_at_length(
    stack: LocalStack, token: str
) -> None:
    """The same for as many examples as FUZZ_EXAMPLES says."""
    _fuzz(stack, token, examples=int(os.environ["FUZZ_EXAMPLES"]))


@pytest.mark.usefixtures("token")
def test_the_examples_of_the_documentation_run_when_pasted(
    stack: LocalStack, admin: str, tmp_path: Path
) -> None:
    """Each curl command in the document succeeds, after what the document says to do first."""
    document = stack.request("GET", "/openapi.json").json()
    operations = [
        operation for methods in document["paths"].values() for operation in methods.values()
    ]
    assert len(operations) >= 18
    for operation in operations:
        # One person for each example: some end in a new password, or without an account.
        email = f"{secrets.token_hex(8)}@example.com"
        if operation["operationId"] in {"list_users", "create_product", "update_product"}:
            email = admin
        elif operation["operationId"] != "create_user":
            stack.request("POST", "/api/users", body=signup(email))
        (example,) = _examples(operation)
        account, purchase = _examples(document["info"])
        prepare = [account] if "security" in operation or "$" in example else []
        prepare += [purchase] if "$PRODUCT" in example or "$ORDER" in example else []
        script = "\n".join([*prepare, example, ""]).replace("ahmed@example.com", email)
        script = script.replace("kettle-1", secrets.token_hex(8))
        assert _paste(script, tmp_path) == min(operation["responses"]), script


def _paste(script: str, directory: Path) -> str:
    output = subprocess.run(
        ["bash", "-euc", script], cwd=directory, check=True, capture_output=True, text=True
    ).stdout
    return output.split()[1]


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

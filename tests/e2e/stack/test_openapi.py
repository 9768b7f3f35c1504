"""The service does what its OpenAPI document says: a fuzzer checks it, and the examples run."""

import json
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.accounts import new_email, signup_body
from tests.e2e.local_stack import LocalStack
from tests.integration.shop import product_body
from tests.service import CHECKOUT

# The password in the examples of the document.
PASSWORD = "correct horse battery"
ADMIN_ONLY = {"list_users", "create_product", "update_product"}
# This operation needs an identity at a provider, which only a browser can link.
BROWSER_ONLY = {"delete_identity"}
# These operations need the token in the link of a message with this subject.
LINK_SUBJECTS = {"confirm_email": "Confirm", "reset_password": "Reset"}
LINK_TOKEN = "<token in the link>"
EXAMPLE = re.compile(r"```sh\n(.*?)\n```", re.DOTALL)


@pytest.fixture
def admin(stack: LocalStack) -> str:
    """The email of an administrator for one test, because the fuzzer may change the account."""
    email = new_email()
    stack.succeed("admin", EMAIL=email, PASSWORD=PASSWORD)
    return email


@pytest.fixture
def token(stack: LocalStack, admin: str) -> str:
    """The administrator's token. The product that the examples buy is in stock."""
    token = stack.log_in(admin, PASSWORD)
    _stock_first_product(stack, token)
    return token


@pytest.mark.parametrize(
    "examples",
    [
        pytest.param("5", marks=pytest.mark.slow),
        pytest.param(os.environ.get("FUZZ_EXAMPLES"), marks=pytest.mark.fuzz, id="many"),
    ],
)
def test_the_service_conforms_to_its_openapi_document(
    stack: LocalStack, token: str, examples: str
) -> None:
    """Schemathesis finds no violation with all checks. `make fuzz` sets FUZZ_EXAMPLES."""
    victim = stack.request("POST", "/api/users", body=signup_body()).json()["id"]
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
    # If the service refused the token, Schemathesis would accept 401 for every operation.
    assert "401 Unauthorized (" not in result.stdout


def _guest_token(stack: LocalStack) -> str:
    guest = signup_body()
    assert stack.request("POST", "/api/users", body=guest).status == 201
    return stack.log_in(guest["email"], guest["password"])


def test_the_introduction_signs_up_logs_in_and_sends_the_token(
    stack: LocalStack, tmp_path: Path
) -> None:
    """The last command of the introduction prints the new account."""
    (script,) = _examples(stack.request("GET", "/openapi.json").json()["info"])
    email = new_email()
    output = _run(script.replace("ahmed@example.com", email), tmp_path)
    created, read = re.findall(r"{.*?}", output)
    assert json.loads(created) == json.loads(read)
    assert json.loads(read)["email"] == email


@pytest.mark.slow
@pytest.mark.usefixtures("token")
def test_every_curl_example_in_the_document_succeeds(
    stack: LocalStack, admin: str, tmp_path: Path
) -> None:
    """An example that uses `$TOKEN` runs after the commands of the introduction."""
    document = stack.request("GET", "/openapi.json").json()
    operations = [
        (method, operation)
        for methods in document["paths"].values()
        for method, operation in methods.items()
        if operation["operationId"] not in BROWSER_ONLY
    ]
    assert len(operations) >= 18
    reads = [
        it for method, it in operations if method == "get" and it["operationId"] not in ADMIN_ONLY
    ]
    # The examples that only read share an account. The examples for administrators use the account
    # of `admin`. Each other example has a new account, because some examples change the password or
    # delete the account.
    for group in [reads, *([it] for _, it in operations if it not in reads)]:
        email = new_email()
        if group[0]["operationId"] in ADMIN_ONLY:
            email = admin
        elif group[0]["operationId"] != "create_user":
            stack.request("POST", "/api/users", body=signup_body(email=email, password=PASSWORD))
        script = _script(document, group).replace("ahmed@example.com", email)
        script = script.replace("ahmed@example.org", new_email())
        if subject := LINK_SUBJECTS.get(group[0]["operationId"]):
            assert LINK_TOKEN in script
            script = script.replace(LINK_TOKEN, _link_token(stack, email, subject))
        statuses = re.findall(r"^HTTP/[\d.]+ (\d+)", _run(script, tmp_path), re.MULTILINE)
        assert statuses == [min(it["responses"]) for it in group], script


def _script(document: dict[str, Any], operations: list[dict[str, Any]]) -> str:
    examples = [example for it in operations for example in _examples(it)]
    prepare = _examples(document["info"]) if "$TOKEN" in "".join(examples) else []
    script = "".join(f"{commands}; echo\n" for commands in [*prepare, *examples])
    return script.replace("kettle-1", secrets.token_hex(8))


def _link_token(stack: LocalStack, email: str, subject: str) -> str:
    if subject == LINK_SUBJECTS["reset_password"]:
        stack.request("POST", "/api/auth/password-reset", body={"email": email})
    options = ("--to", email, "--subject", subject, "--wait", "20", "--link")
    return stack.succeed("mail", "show", *options).strip().partition("#")[2]


def _run(script: str, directory: Path) -> str:
    return subprocess.run(
        ["bash", "-euc", script], cwd=directory, check=True, capture_output=True, text=True
    ).stdout


def _examples(part: dict[str, Any]) -> list[str]:
    examples = EXAMPLE.findall(part["description"])
    assert examples, part["description"]
    return examples


def _stock_first_product(stack: LocalStack, token: str) -> None:
    """Make sure that the first product, which the examples buy, is in stock."""
    auth = {"Authorization": f"Bearer {token}"}
    product = product_body(stock=1000)
    assert stack.request("POST", "/api/products", body=product, headers=auth).status == 201
    first = stack.request("GET", "/api/products?limit=1").json()["items"][0]
    headers = {**auth, "If-Match": "*"}
    body = {"stock": 1000}
    path = f"/api/products/{first['id']}"
    assert stack.request("PATCH", path, body=body, headers=headers).status == 200

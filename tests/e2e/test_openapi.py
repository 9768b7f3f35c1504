"""The OpenAPI document, held against the running stack: by a fuzzer, and by pasting from it."""

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.local_stack import CHECKOUT, LocalStack, signup

PASSWORD = "correct horse battery"
EXAMPLE = re.compile(r"```sh\n(.*?)\n```", re.DOTALL)


@pytest.fixture(scope="module")
def generous_stack() -> Iterator[LocalStack]:
    """A stack whose limits nobody reaches."""
    names = ("SIGNUP", "LOGIN", "PASSWORD", "DEFAULT")
    stack = LocalStack(**{f"RATE_LIMIT_{name}": "1000000/minute" for name in names})
    try:
        stack.start()
        yield stack
    finally:
        stack.discard()


def test_the_service_does_what_its_openapi_document_says(generous_stack: LocalStack) -> None:
    """Schemathesis, a short round with every check."""
    _fuzz(generous_stack, examples=10)


@pytest.mark.fuzz
def test_the_service_does_what_its_openapi_document_says_at_length(
    generous_stack: LocalStack,
) -> None:
    """The same for as many examples as FUZZ_EXAMPLES says."""
    _fuzz(generous_stack, examples=int(os.environ["FUZZ_EXAMPLES"]))


def test_the_examples_of_the_documentation_run_when_pasted(
    generous_stack: LocalStack, tmp_path: Path
) -> None:
    """Each curl command in the document succeeds, after what the document says to do first."""
    document = generous_stack.request("GET", "/openapi.json").json()
    operations = [
        operation for methods in document["paths"].values() for operation in methods.values()
    ]
    assert len(operations) >= 10
    for operation in operations:
        # One person for each example: some end in a new password, or without an account.
        email = f"{secrets.token_hex(8)}@example.com"
        if operation["operationId"] == "list_users":
            _become_admin(generous_stack, email)
        elif operation["operationId"] != "create_user":
            generous_stack.request("POST", "/api/users", body=signup(email))
        prepare = _example(document["info"]) if "security" in operation else ""
        script = f"{prepare}\n{_example(operation)}\n".replace("ahmed@example.com", email)
        assert _paste(script, tmp_path) == min(operation["responses"]), script


def _paste(script: str, directory: Path) -> str:
    output = subprocess.run(
        ["bash", "-euc", script], cwd=directory, check=True, capture_output=True, text=True
    ).stdout
    return output.split()[1]


def _example(part: dict[str, Any]) -> str:
    match = EXAMPLE.search(part["description"])
    assert match, part["description"]
    return match[1]


def _become_admin(stack: LocalStack, email: str) -> None:
    result = stack.run("admin", EMAIL=email, PASSWORD=PASSWORD)
    assert result.returncode == 0, result.stdout


def _fuzz(stack: LocalStack, examples: int) -> None:
    email = f"{secrets.token_hex(4)}@example.com"
    _become_admin(stack, email)
    login = {"email": email, "password": PASSWORD}
    token = stack.request("POST", "/api/auth/login", body=login).json()["access_token"]
    victim = stack.request("POST", "/api/users", body=signup(f"victim-{email}")).json()["id"]
    command = ["run", f"http://localhost:{stack.http_port}/openapi.json", "--checks", "all"]
    result = subprocess.run(
        [Path(sys.executable).with_name("schemathesis"), *command, f"--max-examples={examples}"],
        cwd=CHECKOUT,
        env={**os.environ, "FUZZ_TOKEN": token, "FUZZ_VICTIM": str(victim)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    # With a token that is refused, the fuzzer would be content with 401 throughout.
    assert "401 Unauthorized (" not in result.stdout

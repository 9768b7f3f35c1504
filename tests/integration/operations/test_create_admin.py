"""`python -m app create-admin` creates the first administrator, and promotes existing users."""

import secrets
import subprocess
from collections.abc import Mapping

import httpx2
import psycopg
import pytest

from lab.stack.processes.waiting import wait_until
from tests.accounts import PASSWORD, Account, log_in, new_email
from tests.integration.signed_in import bearer
from tests.service import run_app


def _create_admin(
    settings: Mapping[str, str], *arguments: str, password: str | None = None
) -> "subprocess.CompletedProcess[str]":
    variables = {"ADMIN_PASSWORD": password} if password is not None else {}
    return run_app("create-admin", *arguments, settings={**settings, **variables})


def test_create_admin_creates_an_account_that_may_list_users(
    client: httpx2.Client, defaults: Mapping[str, str]
) -> None:
    """The password comes from ADMIN_PASSWORD, and is not in the output."""
    email, password = new_email(), f"a password {secrets.token_hex(8)}"
    result = _create_admin(defaults, "--email", email.upper(), "--name", "Chidi", password=password)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(f"{email} is an administrator now")
    assert password not in result.stdout
    auth = bearer(log_in(client, email, password))
    assert client.get("/api/users?limit=1", headers=auth).status_code == 200
    me = client.get("/api/users/me", headers=auth).json()
    assert (me["name"], me["role"]) == ("Chidi", "admin")


def test_create_admin_promotes_an_account_and_keeps_its_password(
    client: httpx2.Client, ahmed: Account, defaults: Mapping[str, str]
) -> None:
    """An existing session gets the new rights within a second. ADMIN_PASSWORD is ignored."""
    other = "a password for nobody"
    # After this request, the process has the session in memory, with the role `user`.
    assert client.get("/api/users?limit=1", headers=ahmed.auth).status_code == 403
    result = _create_admin(defaults, "--email", ahmed.email, password=other)
    assert result.returncode == 0, result.stderr
    assert "Its password has not changed." in result.stdout
    assert wait_until(
        lambda: client.get("/api/users?limit=1", headers=ahmed.auth).status_code == 200, timeout_s=1
    )
    assert client.get("/api/users/me", headers=ahmed.auth).json()["name"] == "Ahmed"
    log_in(client, ahmed.email, PASSWORD)
    refused = client.post("/api/auth/login", json={"email": ahmed.email, "password": other})
    assert refused.status_code == 401


@pytest.mark.parametrize(
    ("email", "password", "field"),
    [
        (None, "passwordpassword", "password"),
        (None, "short", "password"),
        ("not an address", "a password for nobody", "email"),
    ],
)
def test_create_admin_refuses_what_signup_refuses(
    database: psycopg.Connection,
    defaults: Mapping[str, str],
    email: str | None,
    password: str,
    field: str,
) -> None:
    """The command ends with status 1 and names the field. It creates no account.

    The output contains neither a traceback nor the password.
    """
    address = email or new_email()
    result = _create_admin(defaults, "--email", address, password=password)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"{field}: ")  # check 4
    assert "Traceback" not in result.stderr
    assert password not in result.stderr
    found = database.execute("SELECT 1 FROM users WHERE email = %s", [address])
    assert found.fetchall() == []


def test_create_admin_reports_a_wrong_setting_or_an_unavailable_database(
    defaults: Mapping[str, str],
) -> None:
    """The command ends with status 1 and one line, without a traceback."""
    unavailable = {**defaults, "DATABASE_URL": "postgresql://a:wQ8-long-enough@127.0.0.1:1/x"}
    for settings in (unavailable, {**defaults, "DATABASE_URL": ""}):
        result = _create_admin(settings, "--email", new_email(), password=PASSWORD)
        assert result.returncode == 1
        assert len(result.stderr.splitlines()) == 1
        assert "Traceback" not in result.stderr + result.stdout

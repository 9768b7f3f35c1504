"""Accounts for the tests. Each account has its own email address."""

import secrets
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import psycopg

PASSWORD = "purple monkey dishwasher"


@dataclass(frozen=True)
class Account:
    """A user who has signed up and logged in."""

    id: int
    email: str
    password: str
    token: str
    etag: str

    @property
    def auth(self) -> dict[str, str]:
        """The Authorization header of this account."""
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def url(self) -> str:
        """The path of this account."""
        return f"/api/users/{self.id}"


def new_email() -> str:
    """Return an email address that no account has."""
    return f"{secrets.token_hex(8)}@example.com"


def signup_body(**changes: Any) -> dict[str, Any]:
    """Return the body of a valid signup. `changes` replaces or adds fields."""
    return {"name": "Ahmed", "email": new_email(), "password": PASSWORD, **changes}


def sign_up(client: httpx2.Client, **changes: Any) -> Account:
    """Sign up and log in."""
    body = signup_body(**changes)
    response = client.post("/api/users", json=body)
    assert response.status_code == 201, response.text
    token = log_in(client, body["email"], body["password"])
    user = response.json()
    return Account(user["id"], user["email"], body["password"], token, response.headers["ETag"])


def new_admin(client: httpx2.Client, database_url: str) -> Account:
    """Sign up an administrator."""
    account = sign_up(client, name="Chidi")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE users SET role = 'admin' WHERE id = %s", [account.id])
    return replace(account, etag=client.get(account.url, headers=account.auth).headers["ETag"])


def notices(database: psycopg.Connection, account_id: int, address: str) -> list[str]:
    """Return the kinds of an account's unsent notices to this address, the oldest first."""
    rows = database.execute(
        "SELECT kind FROM messages JOIN procrastinate_jobs"
        " ON args ->> 'message_id' = messages.id::text"
        " WHERE user_id = %s AND address = %s AND kind NOT LIKE 'confirm-%%' ORDER BY messages.id",
        [account_id, address],
    )
    return [kind for (kind,) in rows]


def log_in(client: httpx2.Client, email: str, password: str) -> str:
    """Log in and return the access token."""
    response = client.post("/api/auth/login", json={"email": email, "password": password})
    assert response.status_code == 200, response.text
    token: str = response.json()["access_token"]
    return token

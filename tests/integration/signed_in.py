"""Helpers to sign in: programs use tokens, browsers use a cookie."""

from dataclasses import dataclass
from http.cookies import SimpleCookie

import httpx2
import jwt
import psycopg
from psycopg import sql

from tests.accounts import Account
from tests.integration.wire import problem

COOKIE = "__Host-session"
FROM_HERE = {"Sec-Fetch-Site": "same-origin"}
"""The header that a browser adds to a request from a page of this service."""


@dataclass(frozen=True)
class Tokens:
    """The tokens of a login or a refresh."""

    access: str
    refresh: str

    @property
    def auth(self) -> dict[str, str]:
        """The Authorization header."""
        return bearer(self.access)

    @property
    def session_id(self) -> int:
        """The session id in the access token."""
        return int(jwt.decode(self.access, options={"verify_signature": False})["sid"])


@dataclass(frozen=True)
class Browser:
    """A browser with the cookie of a session."""

    session_id: int
    value: str

    @property
    def cookie(self) -> dict[str, str]:
        """The Cookie header. Browsers may add it even to a request from another site."""
        return {"Cookie": f"{COOKIE}={self.value}"}

    @property
    def auth(self) -> dict[str, str]:
        """The headers of a request from a page of this service."""
        return {**self.cookie, **FROM_HERE}


def bearer(token: str) -> dict[str, str]:
    """Return the Authorization header with a token."""
    return {"Authorization": f"Bearer {token}"}


def credentials(account: Account) -> dict[str, str]:
    """Return the body of a login."""
    return {"email": account.email, "password": account.password}


def tokens_in(response: httpx2.Response) -> Tokens:
    """Assert that the response contains tokens, and return them."""
    assert response.status_code == 200, response.text
    pair = response.json()
    return Tokens(pair["access_token"], pair["refresh_token"])


def signed_in(client: httpx2.Client, account: Account, **headers: str) -> Tokens:
    """Log in as a program, and return the tokens."""
    response = client.post("/api/auth/login", json=credentials(account), headers=headers)
    return tokens_in(response)


def browser_of(
    client: httpx2.Client, account: Account, headers: dict[str, str] | None = None
) -> Browser:
    """Sign in as a browser, and return the browser with its cookie."""
    response = client.post("/api/auth/session", json=credentials(account), headers=headers)
    assert response.status_code == 201, response.text
    value = SimpleCookie(response.headers["Set-Cookie"])[COOKIE].value
    return Browser(response.json()["id"], value)


def refresh(client: httpx2.Client, token: str) -> httpx2.Response:
    """Send a refresh token, to get the next pair of tokens."""
    return client.post("/api/auth/refresh", json={"refresh_token": token})


def me(client: httpx2.Client, headers: dict[str, str]) -> httpx2.Response:
    """Read the account that is signed in."""
    return client.get("/api/users/me", headers=headers)


def assert_tokens_refused(client: httpx2.Client, tokens: Tokens) -> None:
    """Assert that both tokens are refused."""
    problem(me(client, tokens.auth), 401, "invalid-token")
    problem(refresh(client, tokens.refresh), 401, "invalid-refresh-token")


def set_times(database: psycopg.Connection, session_id: int, **times: str) -> None:
    """Set columns of a session to the current time plus an interval."""
    for column, interval in times.items():
        statement = sql.SQL("UPDATE sessions SET {} = now() + %s::interval WHERE id = %s")
        database.execute(statement.format(sql.Identifier(column)), [interval, session_id])

"""Being signed in, as a program is with its tokens and as a browser is with its cookie."""

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
"""What a browser says of a request that one of our own pages makes."""


@dataclass(frozen=True)
class Tokens:
    """What a login or a refresh handed out."""

    access: str
    refresh: str

    @property
    def auth(self) -> dict[str, str]:
        """The header that says who asks."""
        return {"Authorization": f"Bearer {self.access}"}

    @property
    def session_id(self) -> int:
        """The session that the access token names."""
        return session_of(self.access)


@dataclass(frozen=True)
class Browser:
    """Somebody's browser, with the cookie of a session."""

    session_id: int
    value: str

    @property
    def cookie(self) -> dict[str, str]:
        """The header that browsers send by themselves, whoever's page asks them to."""
        return {"Cookie": f"{COOKIE}={self.value}"}

    @property
    def auth(self) -> dict[str, str]:
        """The headers of a request from our own page."""
        return {**self.cookie, **FROM_HERE}


def session_of(token: str) -> int:
    """Return the id of the session that an access token names."""
    return int(jwt.decode(token, options={"verify_signature": False})["sid"])


def bearer(token: str) -> dict[str, str]:
    """Return the header that a token is sent in."""
    return {"Authorization": f"Bearer {token}"}


def credentials(account: Account) -> dict[str, str]:
    """Return the body of a login."""
    return {"email": account.email, "password": account.password}


def tokens_in(response: httpx2.Response) -> Tokens:
    """Assert that these are tokens, and return them."""
    assert response.status_code == 200, response.text
    pair = response.json()
    return Tokens(pair["access_token"], pair["refresh_token"])


def signed_in(client: httpx2.Client, account: Account, **headers: str) -> Tokens:
    """Log in as a program does."""
    response = client.post("/api/auth/login", json=credentials(account), headers=headers)
    return tokens_in(response)


def browser_of(
    client: httpx2.Client, account: Account, headers: dict[str, str] | None = None
) -> Browser:
    """Sign in as a browser does."""
    response = client.post("/api/auth/session", json=credentials(account), headers=headers)
    assert response.status_code == 201, response.text
    value = SimpleCookie(response.headers["Set-Cookie"])[COOKIE].value
    return Browser(response.json()["id"], value)


def refresh(client: httpx2.Client, token: str) -> httpx2.Response:
    """Try to trade a refresh token for the next pair."""
    return client.post("/api/auth/refresh", json={"refresh_token": token})


def me(client: httpx2.Client, headers: dict[str, str]) -> httpx2.Response:
    """Ask who is signed in."""
    return client.get("/api/users/me", headers=headers)


def all_refused(client: httpx2.Client, tokens: Tokens) -> None:
    """Assert that neither of these tokens opens anything."""
    problem(me(client, tokens.auth), 401, "invalid-token")
    problem(refresh(client, tokens.refresh), 401, "invalid-refresh-token")


def move(database: psycopg.Connection, session_id: int, **times: str) -> None:
    """Set times of a session, each by its column, to now plus an interval."""
    for column, interval in times.items():
        statement = sql.SQL("UPDATE sessions SET {} = now() + %s::interval WHERE id = %s")
        database.execute(statement.format(sql.Identifier(column)), [interval, session_id])

"""Refresh tokens: each can be exchanged once for a new pair of tokens."""

import base64
import hashlib
import secrets
from typing import Any

import httpx2
import psycopg
import pytest
from psycopg import sql

from tests.accounts import Account
from tests.integration.signed_in import (
    Tokens,
    bearer,
    browser_of,
    me,
    refresh,
    signed_in,
    tokens_in,
)
from tests.integration.wire import JSON, pointers, problem

REFRESH = "/api/auth/refresh"


@pytest.fixture(scope="module")
def tokens(client: httpx2.Client, shared_user: Account) -> Tokens:
    """Tokens that no test refreshes."""
    return signed_in(client, shared_user)


def test_a_refresh_returns_a_new_pair_for_the_same_session(
    client: httpx2.Client, shared_user: Account
) -> None:
    """Both tokens are new, and the response must not be cached."""
    first = signed_in(client, shared_user)
    response = refresh(client, first.refresh)
    assert response.headers["Cache-Control"] == "no-store"
    assert "ETag" not in response.headers
    pair = response.json()
    assert set(pair) == {"access_token", "token_type", "expires_in", "refresh_token"}  # check 27
    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", 900)
    second = tokens_in(response)
    assert second.session_id == first.session_id
    assert second.access != first.access
    assert second.refresh != first.refresh  # check 18
    assert len(base64.urlsafe_b64decode(second.refresh + "==")) >= 32  # check 18


def test_an_access_token_stays_valid_after_a_refresh(
    client: httpx2.Client, shared_user: Account
) -> None:
    """Concurrent requests with an earlier access token do not fail."""
    tokens = [signed_in(client, shared_user)]
    for _ in range(3):
        tokens.append(tokens_in(refresh(client, tokens[-1].refresh)))
    for pair in tokens:
        assert me(client, pair.auth).json()["id"] == shared_user.id


def test_refresh_tokens_are_stored_only_as_hashes(
    client: httpx2.Client, shared_user: Account, database: psycopg.Connection
) -> None:
    """A reader of the database finds no usable token, neither spent nor current."""
    first = signed_in(client, shared_user)
    second = tokens_in(refresh(client, first.refresh))
    rows = {}
    for table, column in (("sessions", "id"), ("spent_refresh_tokens", "session_id")):
        query = sql.SQL("SELECT * FROM {} WHERE {} = %s").format(
            sql.Identifier(table), sql.Identifier(column)
        )
        (rows[table],) = database.execute(query, [first.session_id]).fetchall()
        for secret in (first.refresh, second.refresh):
            assert secret not in str(rows[table])  # check 18
            assert secret.encode() not in rows[table]  # check 18
    assert hashlib.sha256(second.refresh.encode()).digest() in rows["sessions"]
    assert hashlib.sha256(first.refresh.encode()).digest() in rows["spent_refresh_tokens"]


def test_a_refresh_ignores_the_access_token(client: httpx2.Client, shared_user: Account) -> None:
    """A client that refreshes usually has an expired access token, or none."""
    pair = signed_in(client, shared_user)
    body = {"refresh_token": pair.refresh}
    tokens_in(client.post(REFRESH, json=body, headers=bearer("expired.access.token")))


@pytest.mark.parametrize(
    "token",
    ["", " ", "x", secrets.token_urlsafe(32), "ü", "😀", "\x00", "x" * 60_000, "' OR 1=1 --",
     "\\x00", "null"],
    ids=["empty", "blank", "letter", "unknown", "umlaut", "emoji", "NUL", "huge", "SQL", "bytea",
         "null"],
)  # fmt: skip
def test_an_invalid_refresh_token_gets_401(client: httpx2.Client, token: str) -> None:
    """The response does not repeat the token."""
    response = refresh(client, token)
    problem(response, 401, "invalid-refresh-token")  # check 29
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert len(token) < 8 or token not in response.text


def test_a_changed_refresh_token_gets_401_and_ends_no_session(
    client: httpx2.Client, tokens: Tokens
) -> None:
    """Spaces and the case of letters are significant."""
    token = tokens.refresh
    for changed in (token + " ", " " + token, token + "=", token[:-1], token.swapcase()):
        problem(refresh(client, changed), 401, "invalid-refresh-token")
    assert me(client, tokens.auth).status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/refresh_token"),
        *(({"refresh_token": it}, "/refresh_token") for it in (None, 7, True, ["x"], {"x": 1})),
        ({"refresh_token": "x", "grant_type": "refresh_token"}, "/grant_type"),
        ([], ""),
        ("x", ""),
    ],
    ids=str,
)
def test_an_invalid_body_gets_422(client: httpx2.Client, body: Any, pointer: str) -> None:
    """The body has one field, a string."""
    assert pointers(client.post(REFRESH, json=body)) == [pointer]  # check 26


def test_an_unreadable_body_gets_a_4xx(client: httpx2.Client, tokens: Tokens) -> None:
    """Other media types are refused even if they contain JSON, and the token is not spent."""
    text = b'{"refresh_token": "%s"}' % tokens.refresh.encode()
    form = b"refresh_token=" + tokens.refresh.encode()
    for media_type in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data"):
        for content in (text, form):
            response = client.post(REFRESH, content=content, headers={"Content-Type": media_type})
            problem(response, 415, "unsupported-media-type")  # check 21
    problem(client.post(REFRESH, content=text), 415, "unsupported-media-type")
    for malformed in (
        text[:-1],
        text.replace(b"}", b', "refresh_token": "x"}'),
        b'{"a": "\\ud800"}',
    ):
        problem(
            client.post(REFRESH, content=malformed, headers=JSON), 400, "malformed-json"
        )  # check 29
    long = b'{"refresh_token": "%s"}' % (b"x" * 70_000)
    problem(client.post(REFRESH, content=long, headers=JSON), 413, "content-too-large")  # check 28
    problem(client.get(REFRESH), 405, "method-not-allowed")
    assert me(client, tokens.auth).status_code == 200


def test_no_kind_of_token_is_accepted_as_another(
    client: httpx2.Client, shared_user: Account, tokens: Tokens
) -> None:
    """An access token, a refresh token and a cookie cannot be used in place of each other."""
    browser = browser_of(client, shared_user)
    for other in (browser.value, tokens.access):
        problem(refresh(client, other), 401, "invalid-refresh-token")  # check 13
    for other in (browser.value, tokens.refresh):
        problem(me(client, bearer(other)), 401, "invalid-token")  # check 13
    for other in (tokens.refresh, tokens.access):
        cookie = {"Cookie": f"__Host-session={other}"}
        problem(me(client, cookie), 401, "invalid-session")  # check 13
    for headers in (browser.auth, tokens.auth):
        assert me(client, headers).status_code == 200


def test_a_session_can_be_refreshed_at_most_50000_times(
    client: httpx2.Client, shared_user: Account, database: psycopg.Connection
) -> None:
    """Each refresh adds a row for the spent token. After the last refresh, a login is required."""
    tokens = signed_in(client, shared_user)
    spent = (
        "INSERT INTO spent_refresh_tokens (token_hash, session_id) "
        "SELECT sha256((%(id)s || ' ' || n)::bytea), %(id)s FROM generate_series(1, %(times)s) n"
    )
    try:
        database.execute(spent, {"id": tokens.session_id, "times": 49_999})
        last = tokens_in(refresh(client, tokens.refresh))
        problem(refresh(client, last.refresh), 401, "invalid-refresh-token")  # check 53
        assert me(client, last.auth).status_code == 200
    finally:
        database.execute("DELETE FROM sessions WHERE id = %s", [tokens.session_id])

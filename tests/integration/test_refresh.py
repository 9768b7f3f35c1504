"""Staying signed in: each refresh token is good for one new pair, and nothing else is."""

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

URL = "/api/auth/refresh"


@pytest.fixture(scope="module")
def tokens(client: httpx2.Client, somebody: Account) -> Tokens:
    """Tokens that nobody refreshes."""
    return signed_in(client, somebody)


def test_a_refresh_hands_out_a_new_pair_of_the_same_session(
    client: httpx2.Client, somebody: Account
) -> None:
    """Both tokens are new, the session is the one it was, and no cache keeps the answer."""
    first = signed_in(client, somebody)
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


def test_an_access_token_outlives_the_refresh(client: httpx2.Client, somebody: Account) -> None:
    """Requests under way with the one before are not cut off; several refreshes go in a row."""
    tokens = [signed_in(client, somebody)]
    for _ in range(3):
        tokens.append(tokens_in(refresh(client, tokens[-1].refresh)))
    for pair in tokens:
        assert me(client, pair.auth).json()["id"] == somebody.id


def test_old_and_new_refresh_tokens_are_kept_only_as_hashes(
    client: httpx2.Client, somebody: Account, database: psycopg.Connection
) -> None:
    """Who reads the database finds nothing that could be used."""
    first = signed_in(client, somebody)
    second = tokens_in(refresh(client, first.refresh))
    kept = {}
    for table, column in (("sessions", "id"), ("spent_refresh_tokens", "session_id")):
        query = sql.SQL("SELECT * FROM {} WHERE {} = %s").format(
            sql.Identifier(table), sql.Identifier(column)
        )
        (kept[table],) = database.execute(query, [first.session_id]).fetchall()
        for secret in (first.refresh, second.refresh):
            assert secret not in str(kept[table])  # check 18
            assert secret.encode() not in kept[table]  # check 18
    assert hashlib.sha256(second.refresh.encode()).digest() in kept["sessions"]
    assert hashlib.sha256(first.refresh.encode()).digest() in kept["spent_refresh_tokens"]


def test_a_refresh_needs_no_access_token_and_minds_no_bad_one(
    client: httpx2.Client, somebody: Account
) -> None:
    """Whoever refreshes has an access token that has run out, if any."""
    pair = signed_in(client, somebody)
    body = {"refresh_token": pair.refresh}
    tokens_in(client.post(URL, json=body, headers=bearer("run.out.token")))


@pytest.mark.parametrize(
    "token",
    ["", " ", "x", secrets.token_urlsafe(32), "ü", "😀", "\x00", "x" * 60_000, "' OR 1=1 --",
     "\\x00", "null"],
    ids=["empty", "blank", "letter", "unknown", "umlaut", "emoji", "NUL", "huge", "SQL", "bytea",
         "null"],
)  # fmt: skip
def test_what_is_no_refresh_token_gets_401(client: httpx2.Client, token: str) -> None:
    """Whatever stands there, it is not one of ours; the answer does not repeat it."""
    response = refresh(client, token)
    problem(response, 401, "invalid-refresh-token")  # check 29
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert len(token) < 8 or token not in response.text


def test_a_refresh_token_with_anything_changed_gets_401_and_ends_nothing(
    client: httpx2.Client, tokens: Tokens
) -> None:
    """Blanks and the case of letters count."""
    token = tokens.refresh
    for changed in (token + " ", " " + token, token + "=", token[:-1], token.swapcase()):
        problem(refresh(client, changed), 401, "invalid-refresh-token")
    assert me(client, tokens.auth).status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/refresh_token"),
        ({"refresh_token": None}, "/refresh_token"),
        ({"refresh_token": 7}, "/refresh_token"),
        ({"refresh_token": True}, "/refresh_token"),
        ({"refresh_token": ["x"]}, "/refresh_token"),
        ({"refresh_token": {"x": 1}}, "/refresh_token"),
        ({"refresh_token": "x", "grant_type": "refresh_token"}, "/grant_type"),
        ([], ""),
        ("x", ""),
    ],
    ids=str,
)
def test_a_body_of_another_shape_gets_422(client: httpx2.Client, body: Any, pointer: str) -> None:
    """One field, a text, and nothing beside it."""
    assert pointers(client.post(URL, json=body)) == [pointer]  # check 26


def test_an_unreadable_body_gets_the_4xx_of_its_kind(client: httpx2.Client, tokens: Tokens) -> None:
    """Forms and texts are not read, even when they carry JSON; the token is not spent."""
    text = b'{"refresh_token": "%s"}' % tokens.refresh.encode()
    form = b"refresh_token=" + tokens.refresh.encode()
    for media_type in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data"):
        for content in (text, form):
            response = client.post(URL, content=content, headers={"Content-Type": media_type})
            problem(response, 415, "unsupported-media-type")  # check 21
    problem(client.post(URL, content=text), 415, "unsupported-media-type")
    for broken in (text[:-1], text.replace(b"}", b', "refresh_token": "x"}'), b'{"a": "\\ud800"}'):
        problem(client.post(URL, content=broken, headers=JSON), 400, "malformed-json")  # check 29
    long = b'{"refresh_token": "%s"}' % (b"x" * 70_000)
    problem(client.post(URL, content=long, headers=JSON), 413, "content-too-large")  # check 28
    problem(client.get(URL), 405, "method-not-allowed")
    assert me(client, tokens.auth).status_code == 200


def test_each_secret_opens_its_own_door_only(
    client: httpx2.Client, somebody: Account, tokens: Tokens
) -> None:
    """Access token, refresh token and cookie do not stand in for one another."""
    browser = browser_of(client, somebody)
    for other in (browser.value, tokens.access):
        problem(refresh(client, other), 401, "invalid-refresh-token")  # check 13
    for other in (browser.value, tokens.refresh):
        problem(me(client, bearer(other)), 401, "invalid-token")  # check 13
    for other in (tokens.refresh, tokens.access):
        cookie = {"Cookie": f"__Host-session={other}"}
        problem(me(client, cookie), 401, "invalid-session")  # check 13
    for headers in (browser.auth, tokens.auth):
        assert me(client, headers).status_code == 200


def test_a_session_is_refreshed_at_most_50000_times(
    client: httpx2.Client, somebody: Account, database: psycopg.Connection
) -> None:
    """Each time leaves a row with the spent token; after that a login is needed."""
    tokens = signed_in(client, somebody)
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

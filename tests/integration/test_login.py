"""Signing in: what comes back, and what an attacker learns from a refusal."""

import base64
import hashlib
import json
import random
import statistics
import time
from typing import Any

import httpx2
import psycopg
import pytest

from tests.accounts import PASSWORD, Account, new_email
from tests.integration.wire import pointers, problem


def _log_in(client: httpx2.Client, email: Any, password: Any, **headers: str) -> httpx2.Response:
    body = {"email": email, "password": password}
    return client.post("/api/auth/login", json=body, headers=headers)


def _part(token: str, number: int) -> dict[str, Any]:
    encoded = token.split(".")[number]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(encoded + "=="))
    return decoded


def test_login_returns_a_pair_of_tokens_that_nobody_may_store(
    client: httpx2.Client, somebody: Account
) -> None:
    """The keys are those of RFC 6749, and no cache keeps them."""
    response = _log_in(client, somebody.email, PASSWORD)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert "ETag" not in response.headers
    tokens = response.json()
    assert set(tokens) == {"access_token", "token_type", "expires_in", "refresh_token"}  # check 27
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)


def test_access_tokens_say_who_for_whom_and_until_when(
    client: httpx2.Client, somebody: Account
) -> None:
    """Header and claims are those of RFC 9068, and no others."""
    token = _log_in(client, somebody.email, PASSWORD).json()["access_token"]
    header, claims = _part(token, 0), _part(token, 1)
    assert set(header) == {"alg", "typ", "kid"}
    assert (header["alg"], header["typ"]) == ("EdDSA", "at+jwt")
    assert set(claims) == {"iss", "aud", "sub", "sid", "jti", "iat", "exp"}
    assert claims["sub"] == str(somebody.id)
    assert claims["exp"] - claims["iat"] == 900
    assert abs(claims["iat"] - time.time()) < 10


def test_each_login_is_a_session_of_its_own(client: httpx2.Client, somebody: Account) -> None:
    """Session, token id and refresh token change with every login."""
    first, second = (_log_in(client, somebody.email, PASSWORD).json() for _ in range(2))
    for claim in ("sid", "jti"):
        old, new = _part(first["access_token"], 1), _part(second["access_token"], 1)
        assert old[claim] != new[claim]  # check 18
    assert first["refresh_token"] != second["refresh_token"]


def test_refresh_tokens_are_kept_only_as_a_hash(
    client: httpx2.Client, somebody: Account, database: psycopg.Connection
) -> None:
    """Who reads the database finds nothing that could be used."""
    tokens = _log_in(client, somebody.email, PASSWORD).json()
    refresh_token = tokens["refresh_token"]
    assert len(base64.urlsafe_b64decode(refresh_token + "==")) >= 32
    session = database.execute(
        "SELECT * FROM sessions WHERE id = %s", [_part(tokens["access_token"], 1)["sid"]]
    ).fetchone()
    assert session is not None
    assert hashlib.sha256(refresh_token.encode()).digest() in session  # check 18
    assert refresh_token not in str(session)


def test_login_takes_the_email_in_any_spelling(client: httpx2.Client, somebody: Account) -> None:
    """The address is normalised as at signup."""
    assert _log_in(client, f" {somebody.email.upper()} ", PASSWORD).status_code == 200  # check 8


def test_unknown_user_and_wrong_password_get_the_same_answer(
    client: httpx2.Client, ahmed: Account
) -> None:
    """Status, body and headers tell nothing about which of the two it was."""
    answers = []
    for email, password in [
        (ahmed.email, "not the password"),
        (new_email(), PASSWORD),
        ("no address at all", PASSWORD),
        (ahmed.email, ""),
        (new_email(), "x" * 2000),
    ]:
        response = _log_in(client, email, password, **{"X-Request-ID": "the-same"})
        problem(response, 401, "bad-credentials")
        kept = {"date", "ratelimit"}
        headers = {name: value for name, value in response.headers.items() if name not in kept}
        answers.append((response.content, headers))
    assert all(answer == answers[0] for answer in answers)  # check 6
    assert answers[0][1]["www-authenticate"] == "Bearer"


def test_unknown_user_and_wrong_password_take_the_same_time(
    client: httpx2.Client, ahmed: Account
) -> None:
    """Medians of interleaved tries are within 10 %; a noisy machine gets up to 200 of them."""
    emails = {"known": lambda: ahmed.email, "unknown": new_email}
    seconds: dict[str, list[float]] = {who: [] for who in emails}
    ratio = 0.0
    while len(seconds["known"]) < 200 and not 0.9 < ratio < 1.1:
        for _ in range(30):
            for who in random.sample(sorted(emails), 2):
                email = emails[who]()
                started = time.perf_counter()
                response = _log_in(client, email, "not the password")
                seconds[who].append(time.perf_counter() - started)
                assert response.status_code == 401
        ratio = statistics.median(seconds["unknown"]) / statistics.median(seconds["known"])
    assert 0.9 < ratio < 1.1  # check 6


@pytest.mark.parametrize("field", ["email", "password"])
@pytest.mark.parametrize("value", [None, 1, [], {}, True])
def test_login_returns_422_for_what_is_no_text(
    client: httpx2.Client, field: str, value: Any
) -> None:
    """The wrong type is a mistake of the client, not a wrong password."""
    body = {"email": new_email(), "password": PASSWORD, field: value}
    assert pointers(client.post("/api/auth/login", json=body)) == [f"/{field}"]
    del body[field]
    assert pointers(client.post("/api/auth/login", json=body)) == [f"/{field}"]

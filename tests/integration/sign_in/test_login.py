"""Login: what it returns, and what its refusals reveal."""

import random
import statistics
import time
from typing import Any

import httpx2
import jwt
import pytest

from tests.accounts import PASSWORD, Account, new_email
from tests.integration.wire import pointers, problem


def _log_in(client: httpx2.Client, email: Any, password: Any, **headers: str) -> httpx2.Response:
    body = {"email": email, "password": password}
    return client.post("/api/auth/login", json=body, headers=headers)


def _claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def test_login_returns_a_pair_of_tokens_that_no_cache_may_store(
    client: httpx2.Client, shared_user: Account
) -> None:
    """The body has the JSON keys of RFC 6749 for a token response."""
    response = _log_in(client, shared_user.email, PASSWORD)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert "ETag" not in response.headers
    tokens = response.json()
    assert set(tokens) == {"access_token", "token_type", "expires_in", "refresh_token"}  # check 27
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)


def test_an_access_token_has_exactly_these_claims(
    client: httpx2.Client, shared_user: Account
) -> None:
    """The token has the type `at+jwt` (RFC 9068), and only these header parameters and claims."""
    token = _log_in(client, shared_user.email, PASSWORD).json()["access_token"]
    header, claims = jwt.get_unverified_header(token), _claims(token)
    assert set(header) == {"alg", "typ", "kid"}
    assert (header["alg"], header["typ"]) == ("EdDSA", "at+jwt")
    assert set(claims) == {"iss", "aud", "sub", "sid", "jti", "iat", "exp"}
    assert claims["sub"] == str(shared_user.id)
    assert claims["exp"] - claims["iat"] == 900
    assert abs(claims["iat"] - time.time()) < 10


def test_each_login_starts_a_new_session(client: httpx2.Client, shared_user: Account) -> None:
    """Session id, token id and refresh token are new at each login."""
    first, second = (_log_in(client, shared_user.email, PASSWORD).json() for _ in range(2))
    for claim in ("sid", "jti"):
        old, new = _claims(first["access_token"]), _claims(second["access_token"])
        assert old[claim] != new[claim]  # check 18
    assert first["refresh_token"] != second["refresh_token"]


def test_login_normalises_the_email(client: httpx2.Client, shared_user: Account) -> None:
    """Login normalises an email in the same way as signup: spaces and case make no difference."""
    assert _log_in(client, f" {shared_user.email.upper()} ", PASSWORD).status_code == 200  # check 8


def test_unknown_user_and_wrong_password_get_the_same_response(
    client: httpx2.Client, ahmed: Account
) -> None:
    """The responses have the same status, body and headers, except for Date and RateLimit."""
    responses = []
    for email, password in [
        (ahmed.email, "not the password"),
        (new_email(), PASSWORD),
        ("no address at all", PASSWORD),
        (ahmed.email, ""),
        (new_email(), "x" * 2000),
    ]:
        response = _log_in(client, email, password, **{"X-Request-ID": "the-same"})
        problem(response, 401, "bad-credentials")
        varying = {"date", "ratelimit"}
        headers = {name: value for name, value in response.headers.items() if name not in varying}
        responses.append((response.content, headers))
    assert all(it == responses[0] for it in responses)  # check 6
    assert responses[0][1]["www-authenticate"] == "Bearer"


def test_unknown_user_and_wrong_password_take_the_same_time(
    client: httpx2.Client, ahmed: Account
) -> None:
    """After up to 210 interleaved attempts of each kind, median times differ by less than 10 %."""
    emails = {"known": lambda: ahmed.email, "unknown": new_email}
    seconds: dict[str, list[float]] = {kind: [] for kind in emails}
    ratio = 0.0
    while len(seconds["known"]) < 200 and not 0.9 < ratio < 1.1:
        for _ in range(30):
            for kind in random.sample(sorted(emails), 2):
                email = emails[kind]()
                started = time.perf_counter()
                response = _log_in(client, email, "not the password")
                seconds[kind].append(time.perf_counter() - started)
                assert response.status_code == 401
        ratio = statistics.median(seconds["unknown"]) / statistics.median(seconds["known"])
    assert 0.9 < ratio < 1.1  # check 6


@pytest.mark.parametrize("field", ["email", "password"])
@pytest.mark.parametrize("value", [None, 1, [], {}, True])
def test_login_returns_422_when_a_field_is_not_a_string(
    client: httpx2.Client, field: str, value: Any
) -> None:
    """A field with a wrong type, or a missing field, is not treated as a wrong password."""
    body = {"email": new_email(), "password": PASSWORD, field: value}
    assert pointers(client.post("/api/auth/login", json=body)) == [f"/{field}"]
    del body[field]
    assert pointers(client.post("/api/auth/login", json=body)) == [f"/{field}"]

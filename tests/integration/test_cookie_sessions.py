"""Signing in as browsers do: a cookie that no script reads and no other host gets."""

import secrets

import httpx2
import psycopg
import pytest

from tests.accounts import Account
from tests.integration.signed_in import (
    COOKIE,
    Browser,
    browser_of,
    credentials,
    me,
    signed_in,
)
from tests.integration.wire import problem

SIGN_IN = "/api/auth/session"


@pytest.fixture(scope="module")
def browser(client: httpx2.Client, somebody: Account) -> Browser:
    """A browser that stays signed in."""
    return browser_of(client, somebody)


def _attributes(header: str) -> tuple[str, set[str]]:
    pair, *attributes = header.split("; ")
    assert pair.startswith(f"{COOKIE}=")
    return pair.partition("=")[2], {attribute.lower() for attribute in attributes}


def test_signing_in_hands_out_a_cookie_with_every_attribute_and_no_other(
    client: httpx2.Client, somebody: Account
) -> None:
    """It goes over HTTPS only, to this host only, and ends with the browser."""
    response = client.post(SIGN_IN, json=credentials(somebody))
    assert response.status_code == 201
    (header,) = response.headers.get_list("Set-Cookie")
    value, attributes = _attributes(header)
    assert attributes == {"secure", "httponly", "samesite=lax", "path=/"}  # check 19
    assert len(value) >= 43  # check 18
    assert response.headers["Cache-Control"] == "no-store"
    assert "ETag" not in response.headers
    session = response.json()
    fields = {"id", "created_at", "last_used_at", "user_agent", "current"}
    assert set(session) == fields  # check 27
    assert session["current"] is True
    read = client.get(response.headers["Location"], headers={"Cookie": f"{COOKIE}={value}"})
    assert read.json() == session


def test_the_cookie_is_kept_only_as_a_hash(
    client: httpx2.Client, browser: Browser, database: psycopg.Connection
) -> None:
    """Who reads the database finds nothing that could be used."""
    row = database.execute(
        "SELECT *, cookie_hash = sha256(%s::bytea) FROM sessions WHERE id = %s",
        [browser.value.encode(), browser.session_id],
    ).fetchone()
    assert row is not None
    assert row[-1] is True  # check 18
    assert browser.value not in str(row)  # check 18
    assert me(client, browser.auth).status_code == 200


def test_a_value_that_was_planted_before_is_never_adopted(
    client: httpx2.Client, somebody: Account
) -> None:
    """Whoever set a cookie in somebody's browser does not share the session that begins."""
    planted = Browser(0, secrets.token_urlsafe(32))
    browser = browser_of(client, somebody, planted.auth)
    assert browser.value != planted.value  # check 18
    problem(me(client, planted.auth), 401, "invalid-session")  # check 18
    assert me(client, browser.auth).status_code == 200


def test_a_new_sign_in_ends_the_session_of_the_cookie_sent_along(
    client: httpx2.Client, somebody: Account, stranger: Account
) -> None:
    """The same person or another: the browser has one session; refused, it keeps the old one."""
    first = browser_of(client, somebody)
    elsewhere = browser_of(client, somebody)
    assert me(client, first.auth).status_code == 200
    wrong = {"email": somebody.email, "password": "not the password"}
    refused = client.post(SIGN_IN, json=wrong, headers=first.auth)
    problem(refused, 401, "bad-credentials")
    assert "Set-Cookie" not in refused.headers
    assert me(client, first.auth).status_code == 200
    second = browser_of(client, somebody, first.auth)
    assert second.value != first.value  # check 18
    problem(me(client, first.auth), 401, "invalid-session")  # check 18
    third = browser_of(client, stranger, second.auth)
    problem(me(client, second.auth), 401, "invalid-session")
    assert me(client, third.auth).json()["id"] == stranger.id
    assert me(client, elsewhere.auth).json()["id"] == somebody.id


def test_a_program_that_signs_in_a_browser_keeps_its_own_session(
    client: httpx2.Client, somebody: Account
) -> None:
    """Only a cookie is replaced; a token sent along is another client's."""
    tokens, browser = signed_in(client, somebody), browser_of(client, somebody)
    browser_of(client, somebody, tokens.auth)
    signed_in(client, somebody, **browser.auth)
    for headers in (tokens.auth, browser.auth):
        assert me(client, headers).status_code == 200


@pytest.mark.parametrize("way", ["logout", "delete"])
def test_signing_out_ends_the_session_and_takes_the_cookie_back(
    client: httpx2.Client, somebody: Account, way: str
) -> None:
    """The browser drops it, and a copy of it is worth nothing."""
    browser = browser_of(client, somebody)
    method, path = {
        "logout": ("POST", "/api/auth/logout"),
        "delete": ("DELETE", f"/api/auth/sessions/{browser.session_id}"),
    }[way]
    assert me(client, browser.auth).status_code == 200
    response = client.request(method, path, headers=browser.auth)
    assert response.status_code == 204
    value, attributes = _attributes(response.headers["Set-Cookie"])
    assert value in {"", '""'}
    assert attributes >= {"max-age=0", "secure", "httponly", "samesite=lax", "path=/"}  # check 19
    refused = me(client, browser.auth)
    problem(refused, 401, "invalid-session")  # check 17
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    problem(client.request(method, path, headers=browser.auth), 401, "invalid-session")

"""Sessions of browsers: a cookie that scripts cannot read and other hosts do not get."""

import secrets

import httpx2
import psycopg
import pytest

from tests.accounts import Account
from tests.integration.signed_in import COOKIE, Browser, browser_of, credentials, me, signed_in
from tests.integration.wire import problem

SIGN_IN = "/api/auth/session"


def _attributes(header: str) -> tuple[str, set[str]]:
    pair, *attributes = header.split("; ")
    assert pair.startswith(f"{COOKIE}=")
    return pair.partition("=")[2], {attribute.lower() for attribute in attributes}


def test_signing_in_sets_a_cookie_with_exactly_these_attributes(
    client: httpx2.Client, shared_user: Account
) -> None:
    """A browser sends the cookie only over HTTPS to this host, until the browser is closed."""
    response = client.post(SIGN_IN, json=credentials(shared_user))
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


def test_the_cookie_is_stored_only_as_a_hash(
    client: httpx2.Client, shared_user: Account, database: psycopg.Connection
) -> None:
    """A reader of the database finds no value that works as a cookie."""
    browser = browser_of(client, shared_user)
    (row,) = database.execute(
        "SELECT *, cookie_hash = sha256(%s::bytea) FROM sessions WHERE id = %s",
        [browser.value.encode(), browser.session_id],
    )
    assert row[-1] is True  # check 18
    assert browser.value not in str(row)  # check 18
    assert me(client, browser.auth).status_code == 200


def test_a_cookie_from_before_the_sign_in_is_never_reused(
    client: httpx2.Client, shared_user: Account
) -> None:
    """A sign-in sets a new value. This stops session fixation: the old value gets no session."""
    fixated = Browser(0, secrets.token_urlsafe(32))
    browser = browser_of(client, shared_user, fixated.auth)
    assert browser.value != fixated.value  # check 18
    problem(me(client, fixated.auth), 401, "invalid-session")  # check 18
    assert me(client, browser.auth).status_code == 200


def test_a_sign_in_ends_the_session_of_the_cookie_in_the_request(
    client: httpx2.Client, shared_user: Account, other_user: Account
) -> None:
    """A browser has only one session, even after another user signs in.

    A refused sign-in ends no session.
    """
    first = browser_of(client, shared_user)
    elsewhere = browser_of(client, shared_user)
    assert me(client, first.auth).status_code == 200
    wrong = {"email": shared_user.email, "password": "not the password"}
    refused = client.post(SIGN_IN, json=wrong, headers=first.auth)
    problem(refused, 401, "bad-credentials")
    assert "Set-Cookie" not in refused.headers
    assert me(client, first.auth).status_code == 200
    second = browser_of(client, shared_user, first.auth)
    assert second.value != first.value  # check 18
    problem(me(client, first.auth), 401, "invalid-session")  # check 18
    third = browser_of(client, other_user, second.auth)
    problem(me(client, second.auth), 401, "invalid-session")
    assert me(client, third.auth).json()["id"] == other_user.id
    assert me(client, elsewhere.auth).json()["id"] == shared_user.id


def test_a_sign_in_does_not_end_the_session_of_a_token_in_the_request(
    client: httpx2.Client, shared_user: Account
) -> None:
    """A sign-in ends no session of a token, and a login for tokens ends no session of a cookie."""
    tokens, browser = signed_in(client, shared_user), browser_of(client, shared_user)
    browser_of(client, shared_user, tokens.auth)
    signed_in(client, shared_user, **browser.auth)
    for headers in (tokens.auth, browser.auth):
        assert me(client, headers).status_code == 200


@pytest.mark.parametrize("action", ["logout", "delete"])
def test_signing_out_ends_the_session_and_deletes_the_cookie(
    client: httpx2.Client, shared_user: Account, action: str
) -> None:
    """The browser deletes the cookie, and the service refuses a copy of the cookie."""
    browser = browser_of(client, shared_user)
    method, path = {
        "logout": ("POST", "/api/auth/logout"),
        "delete": ("DELETE", f"/api/auth/sessions/{browser.session_id}"),
    }[action]
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

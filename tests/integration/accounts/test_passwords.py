"""Rules for passwords, and how they are stored."""

import re
import secrets
import time
import unicodedata

import argon2
import httpx2
import psycopg
import pytest

from tests.accounts import PASSWORD, Account, log_in, new_email, sign_up, signup_body
from tests.integration.wire import at_once, pointers, problem, statuses

_STORED = re.compile(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$[\w+/]+\$[\w+/]+")


def _signup(client: httpx2.Client, password: str, **changes: str) -> httpx2.Response:
    return client.post("/api/users", json=signup_body(password=password, **changes))


def _stored_hash(database: psycopg.Connection, account: Account) -> str:
    (row,) = database.execute("SELECT password_hash FROM users WHERE id = %s", [account.id])
    return str(row[0])


def test_signup_accepts_15_characters_and_refuses_14(client: httpx2.Client) -> None:
    """The minimum length of a password is 15 characters."""
    password = secrets.token_hex(8)[:15]
    assert pointers(_signup(client, password[:14])) == ["/password"]  # check 1
    assert _signup(client, password).status_code == 201  # check 1


def test_the_minimum_length_counts_characters_and_not_bytes(client: httpx2.Client) -> None:
    """14 emoji are 56 bytes, and still too short."""
    assert pointers(_signup(client, "🐎🔋📎🧷🌵🚲🍋🎈🐙🔑🌙🧊🥁🪁")) == ["/password"]  # check 1
    assert _signup(client, "🐎🔋📎🧷🌵🚲🍋🎈🐙🔑🌙🧊🥁🪁🦊").status_code == 201  # check 2


@pytest.mark.parametrize(
    "password",
    [
        "four words in lower case",
        " spaces  around   and  between ",
        "🐎 🔋 📎 🧷 emoji for a password",
        "x" * 5 + secrets.token_urlsafe(60),
        secrets.token_hex(512),
        "tab\tand\nnewline\x7fand\x1bescape",
        "ümlaut und ß und ﷺ und नमस्ते",
    ],
    ids=["lower case", "spaces", "emoji", "85 characters", "1,024 bytes", "controls", "scripts"],
)
def test_all_characters_are_accepted_and_verified(client: httpx2.Client, password: str) -> None:
    """A password is not trimmed, case-folded or truncated."""
    account = sign_up(client, password=password)  # check 2, check 3
    for other in (password[:-1], password[1:], password.swapcase(), password + " "):
        if other != password:
            body = {"email": account.email, "password": other}
            problem(client.post("/api/auth/login", json=body), 401, "bad-credentials")


def test_the_last_of_1024_bytes_is_verified(client: httpx2.Client) -> None:
    """Passwords that differ only in the last byte are different."""
    password = secrets.token_hex(512)[:-1] + "a"
    account = sign_up(client, password=password)
    body = {"email": account.email, "password": password[:-1] + "b"}
    problem(client.post("/api/auth/login", json=body), 401, "bad-credentials")  # check 2


@pytest.mark.parametrize(
    "password",
    ["x" + secrets.token_hex(512), "🐎" * 257, "z" * 60_000, "\u0345\u0301" * 15_000],
    ids=["1,025 bytes", "1,028 bytes of emoji", "60,000 bytes", "combining marks"],
)
@pytest.mark.parametrize("call", ["signup", "login"])
def test_more_than_1024_bytes_are_refused_quickly(
    client: httpx2.Client, password: str, call: str
) -> None:
    """The refusal takes less than three times as long as a login with a wrong password."""
    email, path = new_email(), {"signup": "/api/users", "login": "/api/auth/login"}[call]
    usual, durations = [], []
    for _ in range(3):
        started = time.perf_counter()
        wrong = {"email": email, "password": "a wrong password"}
        problem(client.post("/api/auth/login", json=wrong), 401, "bad-credentials")
        usual.append(time.perf_counter() - started)
        started = time.perf_counter()
        body = {"email": email, "password": password} | ({"name": "A"} if call == "signup" else {})
        response = client.post(path, json=body)
        durations.append(time.perf_counter() - started)
        if call == "signup":
            assert pointers(response) == ["/password"]  # check 2
        else:
            problem(response, 401, "bad-credentials")
    # Hashing 60,000 bytes takes no longer than hashing a short password, but a check of the
    # strength of such a long password would take seconds.
    assert min(durations) < 3 * min(usual)


def test_a_password_is_the_same_in_nfc_and_nfd(client: httpx2.Client) -> None:
    """Two keyboards can send different code points for the same visible password."""
    password = "çok güzel bir şifre"
    account = sign_up(client, password=unicodedata.normalize("NFD", password))
    log_in(client, account.email, unicodedata.normalize("NFC", password))  # check 2


@pytest.mark.parametrize(
    "password",
    ["passwordpassword", "PasswordPassword", "123456789012345", "1234567890123456789",
     "qwertyuiopasdfgh", "aaaaaaaaaaaaaaaaaaaa", "abc123abc123abc123", "iloveyouiloveyou",
     "password12345678", "  passwordpassword  "],
)  # fmt: skip
def test_signup_refuses_a_common_password(client: httpx2.Client, password: str) -> None:
    """Attackers try common passwords first. Case and repetition make no difference."""
    response = _signup(client, password)
    assert pointers(response) == ["/password"]  # check 4
    assert password.strip() not in response.text


@pytest.mark.parametrize(
    "password",
    ["Bettina von Arnim", "bettina VON arnim", "bettina.von.arnim@example.com",
     "BETTINA.von.Arnim@Example.com", "bettina.von.arnim"],
)  # fmt: skip
def test_signup_refuses_the_users_own_name_or_email(client: httpx2.Client, password: str) -> None:
    """Other people know the name and the email of a user."""
    response = _signup(
        client, password, name="Bettina von Arnim", email="Bettina.von.Arnim@example.com"
    )
    assert pointers(response) == ["/password"]  # check 4


@pytest.mark.parametrize("new", ["passwordpassword", "Zebediah Longfellow", "short", "own email"])
def test_password_change_refuses_the_same_as_signup(client: httpx2.Client, new: str) -> None:
    """A password that signup refuses cannot be set later either."""
    account = sign_up(client, name="Zebediah Longfellow")
    body = {
        "current_password": PASSWORD,
        "new_password": account.email if new == "own email" else new,
    }
    response = client.put(f"{account.url}/password", json=body, headers=account.auth)
    assert pointers(response) == ["/new_password"]  # check 4
    log_in(client, account.email, PASSWORD)


def test_passwords_are_stored_as_argon2id(
    shared_user: Account, other_user: Account, database: psycopg.Connection
) -> None:
    """The parameters are not below OWASP's minimum, and each hash has its own salt."""
    stored = _STORED.fullmatch(_stored_hash(database, shared_user))
    assert stored
    memory, passes, lanes = map(int, stored.groups())
    assert (memory >= 19456, passes >= 2, lanes) == (True, True, 1)  # check 5
    assert _stored_hash(database, shared_user) != _stored_hash(database, other_user)


def test_login_replaces_a_weaker_hash(
    client: httpx2.Client, ahmed: Account, database: psycopg.Connection
) -> None:
    """Several concurrent logins all succeed."""
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    database.execute("UPDATE users SET password_hash = %s WHERE id = %s", [weak, ahmed.id])
    body = {"email": ahmed.email, "password": PASSWORD}
    responses = at_once([lambda: client.post("/api/auth/login", json=body)] * 4)
    assert statuses(responses) == {200: 4}
    renewed = _stored_hash(database, ahmed)
    assert renewed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")  # check 5
    log_in(client, ahmed.email, PASSWORD)
    assert _stored_hash(database, ahmed) == renewed

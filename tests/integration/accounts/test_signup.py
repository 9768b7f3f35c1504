"""Signup: the creation of an account."""

import unicodedata
from typing import Any

import httpx2
import pytest

from tests.accounts import PASSWORD, Account, log_in, new_email, signup_body
from tests.integration.wire import at_once, pointers, problem, statuses


def test_signup_returns_201_with_the_user_and_its_location(client: httpx2.Client) -> None:
    """The body has the fields of the contract, and never the password."""
    body = signup_body(name="Ahmed")
    response = client.post("/api/users", json=body)
    user = response.json()
    assert response.status_code == 201
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Location"] == f"/api/users/{user['id']}"
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert set(user) == {
        "id", "name", "email", "email_confirmed", "role", "created_at", "updated_at"
    }  # check 27  # fmt: skip
    assert (user["name"], user["email"], user["role"]) == ("Ahmed", body["email"], "user")
    assert user["email_confirmed"] is False
    assert user["created_at"] == user["updated_at"]
    assert user["created_at"].endswith("Z")


def test_signup_and_read_agree_byte_for_byte(client: httpx2.Client) -> None:
    """A read at the Location returns the same body and ETag as the signup."""
    body = signup_body()
    created = client.post("/api/users", json=body)
    auth = {"Authorization": f"Bearer {log_in(client, body['email'], PASSWORD)}"}
    read = client.get(created.headers["Location"], headers=auth)
    assert (read.content, read.headers["ETag"]) == (created.content, created.headers["ETag"])


def test_signup_returns_409_when_the_email_is_taken(
    client: httpx2.Client, shared_user: Account
) -> None:
    """The error response says that the client can log in instead."""
    response = client.post("/api/users", json=signup_body(email=shared_user.email))
    document = problem(response, 409, "email-taken")
    assert shared_user.email not in response.text
    assert "Log in" in document["detail"]


def test_signup_documents_that_a_409_reveals_an_account(client: httpx2.Client) -> None:
    """The OpenAPI document names `email-taken`, which reveals an account, and the rate limit."""
    signup = client.get("/openapi.json").json()["paths"]["/api/users"]["post"]
    assert "email-taken" in signup["responses"]["409"]["description"]  # check 7
    assert "429" in signup["responses"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Ahmed.{}@Example.COM", "ahmed.{}@example.com"),
        ("ahmed.{}@example.com", "  ahmed.{}@example.com "),
        ("jos\u00e9.{}@example.com", "jose\u0301.{}@example.com"),
        ("JOS\u00c9.{}@example.com", "jose\u0301.{}@example.com"),
        ("ahmed.{}@m\u00fcnchen.example", "ahmed.{}@mu\u0308nchen.example"),
        ("ahmed.{}@m\u00fcnchen.example", "ahmed.{}@xn--mnchen-3ya.example"),
    ],
)
def test_signup_treats_all_spellings_of_an_email_as_one(
    client: httpx2.Client, first: str, second: str
) -> None:
    """Case, outer spaces, Unicode normalisation and IDNA encoding make no difference."""
    unique = new_email().partition("@")[0]
    created = client.post("/api/users", json=signup_body(email=first.format(unique)))
    again = client.post("/api/users", json=signup_body(email=second.format(unique)))
    assert created.status_code == 201
    stored = created.json()["email"]
    assert stored == unicodedata.normalize("NFC", stored.lower())
    problem(again, 409, "email-taken")  # check 8
    log_in(client, second.format(unique), PASSWORD)


@pytest.mark.parametrize(
    "email",
    ["", " ", "ahmed", "@example.com", "ahmed@", "a@b@c.com", "a b@example.com", "a@exa mple.com",
     "a\n@example.com", "a@example.com\nBcc: b@c.com", "a\u202e@example.com", f"{'a' * 255}@x.com",
     "a\u034f@example.com", "a\u00ad@example.com", "a\u200d@example.com", "a@ex\u034fample.com",
     f"a@{'b' * 64}.com", f"a@{'b.' * 127}com", "a@127.0.0.1", "a@[127.0.0.1]", "<a@example.com>"],
)  # fmt: skip
def test_signup_returns_422_when_the_email_is_invalid(client: httpx2.Client, email: str) -> None:
    """Only an address that can receive mail is accepted. A refused address is not repeated."""
    response = client.post("/api/users", json=signup_body(email=email))
    assert pointers(response) == ["/email"]
    assert not email.strip() or email not in response.text.replace("name@example.com", "")


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("A", "A"),
        ("x" * 100, "x" * 100),
        (f"  {'x' * 100}\t", "x" * 100),
        ("\u00a0Ahmed\u3000", "Ahmed"),
        ("Ahmed\r\n", "Ahmed"),
        ("نور 😀 O'Neill <b>", "نور 😀 O'Neill <b>"),
        ("😀" * 100, "😀" * 100),
    ],
)
def test_signup_trims_the_name(client: httpx2.Client, sent: str, stored: str) -> None:
    """A name has 1 to 100 characters, without spaces at its start and end."""
    response = client.post("/api/users", json=signup_body(name=sent))
    assert response.status_code == 201, response.text
    assert response.json()["name"] == stored


@pytest.mark.parametrize(
    "name",
    ["", "   ", "\t\n", "x" * 101, "😀" * 101, "a\nb", "a\tb", "a\x00b", "a\x1bb", "a\x7fb",
     "a\x85b", "a\u2028b", "a\u2029b", "\x00", "\x07", "\u3164", "\u2800", "\u2800 \u2800",
     "\u00ad", "\u061c", "a\u061cb", "a\u202eb", "a\u2066b", "a\u034fb", "a\u200bb", "\u200d",
     "a\ufe0fb", "a\U000e0041b", "\u115f\u1160", "\ufeffa"],
)  # fmt: skip
def test_signup_returns_422_when_the_name_is_invalid(client: httpx2.Client, name: str) -> None:
    """A name must be visible, not too long, and without control or invisible characters."""
    assert pointers(client.post("/api/users", json=signup_body(name=name))) == ["/name"]  # check 49


@pytest.mark.parametrize("field", ["name", "email", "password"])
@pytest.mark.parametrize("value", [None, 1, 1.5, True, [], {}, ["Ahmed"], 2**80])
def test_signup_converts_no_types(client: httpx2.Client, field: str, value: Any) -> None:
    """A value of another type is an error."""
    response = client.post("/api/users", json=signup_body(**{field: value}))
    assert pointers(response) == [f"/{field}"]


def test_signup_names_every_missing_field(client: httpx2.Client) -> None:
    """One response lists all errors."""
    assert sorted(pointers(client.post("/api/users", json={}))) == ["/email", "/name", "/password"]


def test_of_50_concurrent_signups_with_one_email_one_succeeds(client: httpx2.Client) -> None:
    """A unique index refuses the other requests, and they get 409."""
    body = signup_body()
    responses = at_once([lambda: client.post("/api/users", json=body)] * 50)
    assert statuses(responses) == {201: 1, 409: 49}  # check F18

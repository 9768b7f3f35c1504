"""Limits of messages: to one mail address, and by request of one client or one account."""

import secrets

import httpx2
import pytest
import redis

from tests.accounts import PASSWORD, new_email, sign_up, signup_body
from tests.conftest import StartService
from tests.integration.signed_in import browser_of

RESET = "/api/auth/password-reset"


@pytest.fixture(scope="module")
def limited(start_service: StartService) -> httpx2.Client:
    """A client of a service that sends at most two messages an hour to an address."""
    settings = {"RATE_LIMIT_MAIL": "2/hour", "FORWARDED_ALLOW_IPS": "127.0.0.1"}
    return start_service(**settings).client


def _from_elsewhere() -> dict[str, str]:
    """Return the header of a proxy for a client whose address no other request has had."""
    return {"X-Forwarded-For": f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"}


def test_one_address_gets_few_messages_whoever_asks(limited: httpx2.Client) -> None:
    """Messages to one mail address are counted together, for all clients, in any letter case."""
    known, unknown = sign_up(limited).email, new_email()
    # The signup has sent a message already.
    for email, passed in ((known, 1), (unknown, 2)):
        responses = [
            limited.post(RESET, json={"email": spelling}, headers=_from_elsewhere())
            for spelling in (email, email.upper(), email)[2 - passed :]
        ]
        assert [response.status_code for response in responses] == [*[202] * passed, 429]
        assert responses[-1].json()["code"] == "too-many-requests"
        assert 1 <= int(responses[-1].headers["Retry-After"]) <= 3600


def test_a_refused_request_does_not_count_for_the_address(limited: httpx2.Client) -> None:
    """If refused requests counted, other people could use up an address's limit."""
    owner, other = sign_up(limited), sign_up(limited)
    body = {"email": owner.email, "current_password": PASSWORD}
    for _ in range(2):
        taken = limited.put(f"{other.url}/email", json=body, headers=other.auth)
        assert taken.json()["code"] == "email-taken"
        again = limited.post("/api/users", json=signup_body(email=owner.email))
        assert again.json()["code"] == "email-taken"
    # The signup sent the first message.
    assert limited.post(RESET, json={"email": owner.email}, headers=_from_elsewhere()).is_success


def test_signups_count_for_their_address(limited: httpx2.Client) -> None:
    """An account can be deleted and created again. Each signup counts, because it sends mail."""
    email = new_email()
    for _ in range(2):
        user = sign_up(limited, email=email)
        headers = {**user.auth, "If-Match": "*"}
        assert limited.delete(user.url, headers=headers).status_code == 204
    refused = limited.post("/api/users", json=signup_body(email=email))
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-requests")


def test_one_client_can_request_few_messages(limited: httpx2.Client) -> None:
    """Requests of one client count together, whatever email addresses they contain."""
    client = _from_elsewhere()
    statuses = [
        limited.post(RESET, json={"email": new_email()}, headers=client).status_code
        for _ in range(3)
    ]
    assert statuses == [202, 202, 429]


def test_one_account_can_request_few_messages(limited: httpx2.Client) -> None:
    """The requests of an account count together, even if they come from different IP addresses."""
    user = sign_up(limited)
    browser, statuses = browser_of(limited, user), []
    for _ in range(3):
        headers = {**_from_elsewhere(), **browser.auth}
        body = {"email": new_email(), "current_password": PASSWORD}
        statuses.append(limited.put(f"{user.url}/email", json=body, headers=headers).status_code)
    assert statuses == [202, 202, 429]


def test_redis_has_no_address(limited: httpx2.Client, redis_url: str) -> None:
    """The key of a count contains a hash of the mail address, and not the address."""
    email = new_email()
    assert limited.post(RESET, json={"email": email}, headers=_from_elsewhere()).is_success
    with redis.Redis.from_url(redis_url) as connection:
        keys = b" ".join(connection.keys("*"))
    assert b"mail-to" in keys
    assert email.encode() not in keys

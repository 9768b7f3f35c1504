"""The limits of messages to one address, and of those that one account has requested."""

import secrets
from collections.abc import Mapping

import httpx2
import pytest
import redis

from tests.accounts import PASSWORD, new_email, sign_up
from tests.conftest import StartService

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
    """Clients with different addresses share the count. Upper and lower case make no difference."""
    known, unknown = sign_up(limited).email, new_email()
    for email in (known, unknown):
        responses = [
            limited.post(RESET, json={"email": spelling}, headers=_from_elsewhere())
            for spelling in (email, email.upper(), email)
        ]
        assert [response.status_code for response in responses] == [202, 202, 429]
        assert responses[-1].json()["code"] == "too-many-requests"
        assert 1 <= int(responses[-1].headers["Retry-After"]) <= 3600


def test_one_client_can_request_few_messages(limited: httpx2.Client) -> None:
    """The count of a client includes all addresses that it asks for."""
    client = _from_elsewhere()
    statuses = [
        limited.post(RESET, json={"email": new_email()}, headers=client).status_code
        for _ in range(3)
    ]
    assert statuses == [202, 202, 429]


def test_one_account_can_request_few_messages(limited: httpx2.Client) -> None:
    """A browser with a cookie counts by address, so the account is counted as well."""
    user = sign_up(limited)
    session = limited.post("/api/auth/session", json={"email": user.email, "password": PASSWORD})
    cookie = session.headers["Set-Cookie"].partition(";")[0]
    statuses = []
    for _ in range(3):
        headers = {**_from_elsewhere(), "Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
        body = {"email": new_email(), "current_password": PASSWORD}
        statuses.append(limited.put(f"{user.url}/email", json=body, headers=headers).status_code)
    assert statuses == [202, 202, 429]


def test_redis_has_no_address(limited: httpx2.Client, defaults: Mapping[str, str]) -> None:
    """The key of a count contains a hash of the address."""
    email = new_email()
    assert limited.post(RESET, json={"email": email}, headers=_from_elsewhere()).is_success
    with redis.Redis.from_url(defaults["REDIS_URL"]) as connection:
        keys = b" ".join(connection.keys("*"))
    assert b"mail-to" in keys
    assert email.encode() not in keys

"""Failed logins to one account are limited, even if each comes from a different address.

All requests come from 127.0.0.1, which the service trusts as a proxy. The tests set
X-Forwarded-For, so that each request has a different address.
"""

import itertools
import secrets
from collections.abc import Iterator
from functools import partial
from typing import cast

import httpx2
import pytest
from redis import Redis

from lab.stack.config.ports import free_port
from tests.accounts import PASSWORD, Account, new_email, sign_up
from tests.conftest import StartService
from tests.integration.signed_in import browser_of, credentials, me, refresh, signed_in, tokens_in
from tests.integration.wire import at_once, log_lines, problem, statuses
from tests.service import Service

MAX_FAILURES = 4
PREFIX = f"throttle-{secrets.token_hex(4)}"
CODE = "too-many-failed-logins"
_WRONG = "not the password"
_requests = itertools.count()


def _set_unique_address(request: httpx2.Request) -> None:
    high, low = divmod(next(_requests), 250)
    request.headers["X-Forwarded-For"] = f"203.0.{high}.{low + 1}"


@pytest.fixture(scope="module")
def service(start_service: StartService) -> Service:
    """A service that allows 3 logins a minute from an address, and 4 failures for an account."""
    return start_service(
        REDIS_KEY_PREFIX=PREFIX,
        REDIS_TIMEOUT="2",
        RATE_LIMIT_LOGIN="3/minute",
        RATE_LIMIT_LOGIN_FAILURES=f"{MAX_FAILURES}/minute",
    )


@pytest.fixture(scope="module")
def client(service: Service) -> httpx2.Client:
    """An HTTP client of `service`. Each of its requests has a different address."""
    service.client.event_hooks = {"request": [_set_unique_address]}
    return service.client


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """A connection to Redis, to read and delete counts."""
    with Redis.from_url(redis_url) as redis:
        yield redis


@pytest.fixture
def victim(client: httpx2.Client) -> Account:
    """A user whose password an attacker guesses."""
    return sign_up(client)


def _log_in(
    client: httpx2.Client, email: str, password: str = _WRONG, **headers: str
) -> httpx2.Response:
    body = {"email": email, "password": password}
    return client.post("/api/auth/login", json=body, headers=headers)


def _use_up(client: httpx2.Client, email: str) -> httpx2.Response:
    """Exceed the limit by one failed login, and return the last response."""
    responses = [_log_in(client, email) for _ in range(MAX_FAILURES + 1)]
    assert statuses(responses) == {401: MAX_FAILURES, 429: 1}  # check 10
    return responses[-1]


def _counters(redis: Redis) -> list[bytes]:
    return cast(list[bytes], redis.keys(f"{PREFIX}*login-failures*"))


def test_too_many_failures_from_many_addresses_get_429(
    service: Service, client: httpx2.Client, victim: Account
) -> None:
    """The 429 is the same for unknown accounts, and for the right password."""
    responses = [_use_up(client, victim.email), _use_up(client, new_email())]
    responses.append(_log_in(client, victim.email, PASSWORD))
    responses.append(client.post("/api/auth/session", json=credentials(victim)))
    documents = []
    for response in responses:
        document = problem(response, 429, CODE)  # check 10
        assert 1 <= int(response.headers["Retry-After"]) <= 60
        assert "Set-Cookie" not in response.headers
        documents.append({**document, "request_id": "", "instance": ""})
    assert all(document == documents[0] for document in documents)  # check 6
    assert (
        set(responses[0].headers) == set(responses[1].headers) == set(responses[2].headers)
    )  # check 6
    lines = log_lines(service, responses[2].headers["X-Request-ID"])
    assert [line["event"] for line in lines] == ["request"]
    log = service.log.read_text()
    assert victim.email not in log
    assert PASSWORD not in log  # check 38


def test_the_owner_can_log_in_after_retry_after(
    client: httpx2.Client, victim: Account, redis: Redis
) -> None:
    """The count expires within Retry-After. The test deletes the count instead of waiting.

    The key of the count does not contain the email.
    """
    redis.delete(*_counters(redis), "none")
    refused = _use_up(client, victim.email)
    (counter,) = _counters(redis)
    assert victim.email.encode() not in counter
    assert redis.pttl(counter) <= 1000 * int(refused.headers["Retry-After"]) <= 60_000  # check 10
    redis.delete(counter)
    assert _log_in(client, victim.email, PASSWORD).status_code == 200
    assert _counters(redis) == []


def test_the_owner_can_log_in_from_a_known_session_during_a_lockout(
    client: httpx2.Client, victim: Account
) -> None:
    """A password login succeeds if it also has a valid token or cookie of the same account."""
    tokens = tokens_in(_log_in(client, victim.email, PASSWORD))
    browser = browser_of(client, victim)
    _use_up(client, victim.email)
    for headers in (tokens.auth, browser.auth):
        assert me(client, headers).status_code == 200
    tokens = tokens_in(refresh(client, tokens.refresh))
    signed_in(client, victim, **tokens.auth)  # check 10
    browser = browser_of(client, victim, browser.auth)  # check 10
    browser_of(client, victim, tokens.auth)  # check 10
    signed_in(client, victim, **browser.auth)  # check 10
    # The owner's login does not reset the count of failures of other clients.
    problem(_log_in(client, victim.email, PASSWORD), 429, CODE)  # check 10


def test_guesses_from_a_known_session_are_limited_too(
    client: httpx2.Client, victim: Account
) -> None:
    """A stolen session has a count of its own, for its own account only, with the same limit."""
    for headers in (victim.auth, {}):
        responses = [_log_in(client, victim.email, **headers) for _ in range(MAX_FAILURES + 2)]
        assert statuses(responses) == {401: MAX_FAILURES, 429: 2}  # check 10
    unknown_email = new_email()
    responses = [_log_in(client, unknown_email, **victim.auth) for _ in range(MAX_FAILURES)]
    assert statuses(responses) == {401: MAX_FAILURES}
    problem(_log_in(client, unknown_email), 429, CODE)
    ended = {"Authorization": "Bearer x"}
    problem(_log_in(client, victim.email, PASSWORD, **ended), 429, CODE)  # check 10


@pytest.mark.parametrize("call", ["password", "email", "link"])
def test_every_operation_that_needs_the_password_counts_failures(
    client: httpx2.Client, victim: Account, call: str
) -> None:
    """Above the limit, the operation refuses the right password too."""
    cookie = browser_of(client, victim)

    def prove(password: str) -> httpx2.Response:
        body = {"current_password": password}
        if call == "email":
            body["email"] = new_email()
            return client.put(f"{victim.url}/email", json=body, headers=cookie.auth)
        if call == "link":
            return client.post("/api/auth/oidc/none/link", json=body, headers=cookie.auth)
        body["new_password"] = "another new password"
        return client.put(f"{victim.url}/password", json=body, headers=cookie.auth)

    responses = [prove(_WRONG) for _ in range(MAX_FAILURES + 1)]
    assert statuses(responses) == {403: MAX_FAILURES, 429: 1}  # check 45
    problem(prove(PASSWORD), 429, CODE)  # check 45


def test_a_success_resets_the_count(client: httpx2.Client, victim: Account) -> None:
    """Only consecutive failures count, so occasional typing errors lock no user out."""
    for _ in range(3):
        responses = [_log_in(client, victim.email) for _ in range(MAX_FAILURES - 1)]
        assert statuses(responses) == {401: MAX_FAILURES - 1}
        assert _log_in(client, victim.email, PASSWORD).status_code == 200
    _use_up(client, victim.email)


def test_of_thirty_concurrent_logins_only_the_limit_is_verified(
    client: httpx2.Client, victim: Account
) -> None:
    """Each login is counted before its password is verified."""
    calls = [partial(_log_in, client, victim.email) for _ in range(30)]
    assert statuses(at_once(calls)) == {401: MAX_FAILURES, 429: 30 - MAX_FAILURES}  # check 10


def test_each_account_has_one_count_for_all_spellings_of_its_email(
    client: httpx2.Client, victim: Account
) -> None:
    """Another spelling of the email does not avoid the limit. Other accounts are not affected."""
    name, _, domain = victim.email.partition("@")
    spellings = [
        victim.email,
        victim.email.upper(),
        f" {victim.email}\t",
        f"{name}@{domain.title()}",
    ]
    responses = [_log_in(client, email) for email in spellings * 2]
    assert statuses(responses) == {
        401: MAX_FAILURES,
        429: len(responses) - MAX_FAILURES,
    }  # check 8, check 10
    other = tokens_in(_log_in(client, victim.email, PASSWORD, **victim.auth))
    assert me(client, other.auth).status_code == 200
    for email in (f"x{victim.email}", f"{name}+x@{domain}", new_email()):
        problem(_log_in(client, email), 401, "bad-credentials")


def test_composed_and_decomposed_letters_share_one_count(client: httpx2.Client) -> None:
    """The NFC and NFD forms of an email share one count, even if it belongs to no account."""
    mark = secrets.token_hex(8)
    responses = [
        _log_in(client, f"{letter}{mark}@example.com")
        for letter in ("\u00e9", "e\u0301") * MAX_FAILURES
    ]
    assert statuses(responses) == {401: MAX_FAILURES, 429: MAX_FAILURES}  # check 8


def test_without_redis_each_process_counts_failures(
    start_service: StartService, victim: Account
) -> None:
    """The limit, the exception for the owner and the reset after a success still work."""
    alone = start_service(
        REDIS_URL=f"redis://127.0.0.1:{free_port()}/0",
        RATE_LIMIT_LOGIN_FAILURES=f"{MAX_FAILURES}/minute",
    ).client
    for _ in range(2):
        responses = [_log_in(alone, victim.email) for _ in range(MAX_FAILURES - 1)]
        assert statuses(responses) == {401: MAX_FAILURES - 1}
        assert _log_in(alone, victim.email, PASSWORD).status_code == 200
    refused = _use_up(alone, victim.email)  # check F8
    problem(refused, 429, CODE)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    calls = [partial(_log_in, alone, new) for new in [new_email()] * 30]
    assert statuses(at_once(calls)) == {401: MAX_FAILURES, 429: 30 - MAX_FAILURES}  # check F8
    signed_in(alone, victim, **victim.auth)  # check 10

"""Guessing one account's password has an end, from however many addresses it is tried.

Requests come from 127.0.0.1, which the service trusts as a proxy, so each has an address of its
own by X-Forwarded-For.
"""

import itertools
import secrets
from collections.abc import Iterator
from functools import partial
from typing import cast

import httpx2
import pytest
from redis import Redis

from lab.stack.ports import free_port
from tests.accounts import PASSWORD, Account, new_email, sign_up
from tests.conftest import StartService
from tests.integration.signed_in import (
    browser_of,
    credentials,
    me,
    refresh,
    signed_in,
    tokens_in,
)
from tests.integration.wire import at_once, log_lines, problem, statuses
from tests.service import Service

LIMIT = 4
PREFIX = f"throttle-{secrets.token_hex(4)}"
CODE = "too-many-failed-logins"
_WRONG = "not the password"
_requests = itertools.count()


def _from_an_address_of_its_own(request: httpx2.Request) -> None:
    high, low = divmod(next(_requests), 250)
    request.headers["X-Forwarded-For"] = f"203.0.{high}.{low + 1}"


@pytest.fixture(scope="module")
def service(start_service: StartService) -> Service:
    """A service in which few logins may fail for an account, and fewer from an address."""
    return start_service(
        REDIS_KEY_PREFIX=PREFIX,
        REDIS_TIMEOUT="2",
        RATE_LIMIT_LOGIN="3/minute",
        RATE_LIMIT_LOGIN_FAILURES=f"{LIMIT}/minute",
    )


@pytest.fixture(scope="module")
def client(service: Service) -> httpx2.Client:
    """Speaks HTTP to that service, each time from somewhere else."""
    service.client.event_hooks = {"request": [_from_an_address_of_its_own]}
    return service.client


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """A look at what is counted."""
    with Redis.from_url(redis_url) as redis:
        yield redis


@pytest.fixture
def victim(client: httpx2.Client) -> Account:
    """Somebody whose password is guessed at."""
    return sign_up(client)


def _log_in(
    client: httpx2.Client, email: str, password: str = _WRONG, **headers: str
) -> httpx2.Response:
    body = {"email": email, "password": password}
    return client.post("/api/auth/login", json=body, headers=headers)


def _use_up(client: httpx2.Client, email: str) -> httpx2.Response:
    """Fail as often as one may and once more, and return the last answer."""
    answers = [_log_in(client, email) for _ in range(LIMIT + 1)]
    assert statuses(answers) == {401: LIMIT, 429: 1}  # check 10
    return answers[-1]


def _counters(redis: Redis) -> list[bytes]:
    return cast(list[bytes], redis.keys(f"{PREFIX}*login-failures*"))


def test_many_failures_from_many_addresses_are_refused_known_account_or_not(
    service: Service, client: httpx2.Client, victim: Account
) -> None:
    """The same answer for both, and the right password makes no difference to strangers."""
    answers = [_use_up(client, victim.email), _use_up(client, new_email())]
    answers.append(_log_in(client, victim.email, PASSWORD))
    answers.append(client.post("/api/auth/session", json=credentials(victim)))
    seen = []
    for answer in answers:
        document = problem(answer, 429, CODE)  # check 10
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert "Set-Cookie" not in answer.headers
        seen.append({**document, "request_id": "", "instance": ""})
    assert all(document == seen[0] for document in seen)  # check 6
    assert set(answers[0].headers) == set(answers[1].headers) == set(answers[2].headers)  # check 6
    lines = log_lines(service, answers[2].headers["X-Request-ID"])
    assert [line["event"] for line in lines] == ["request"]
    log = service.log.read_text()
    assert victim.email not in log
    assert PASSWORD not in log  # check 38


def test_retry_after_is_not_too_early_and_afterwards_one_gets_in(
    client: httpx2.Client, victim: Account, redis: Redis
) -> None:
    """No sooner than the count itself is forgotten; nobody's address is in its name."""
    redis.delete(*_counters(redis), "none")
    refused = _use_up(client, victim.email)
    (counter,) = _counters(redis)
    assert victim.email.encode() not in counter
    assert redis.pttl(counter) <= 1000 * int(refused.headers["Retry-After"]) <= 60_000  # check 10
    redis.delete(counter)
    assert _log_in(client, victim.email, PASSWORD).status_code == 200
    assert _counters(redis) == []


def test_the_owner_gets_in_from_a_known_session_and_stays_signed_in(
    client: httpx2.Client, victim: Account
) -> None:
    """By token or cookie; tokens, refresh and cookie go on meanwhile."""
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
    # The owner's success does not give a stranger the guesses back.
    problem(_log_in(client, victim.email, PASSWORD), 429, CODE)  # check 10


def test_a_known_session_is_no_way_to_guess_without_end(
    client: httpx2.Client, victim: Account
) -> None:
    """Whoever has found a phone has as many guesses as a stranger; another's session none more."""
    for headers in (victim.auth, {}):
        answers = [_log_in(client, victim.email, **headers) for _ in range(LIMIT + 2)]
        assert statuses(answers) == {401: LIMIT, 429: 2}  # check 10
    stranger = new_email()
    answers = [_log_in(client, stranger, **victim.auth) for _ in range(LIMIT)]
    assert statuses(answers) == {401: LIMIT}
    problem(_log_in(client, stranger), 429, CODE)
    ended = {"Authorization": "Bearer x"}
    problem(_log_in(client, victim.email, PASSWORD, **ended), 429, CODE)  # check 10


@pytest.mark.parametrize("call", ["password", "email", "link"])
def test_every_call_that_proves_a_password_counts_failures(
    client: httpx2.Client, victim: Account, call: str
) -> None:
    """By cookie as by token, all calls together; the right password is refused then, too."""
    cookie = browser_of(client, victim)

    def prove(password: str) -> httpx2.Response:
        body = {"current_password": password}
        if call == "email":
            headers = {**cookie.auth, "If-Match": "*"}
            return client.patch(victim.url, json={**body, "email": new_email()}, headers=headers)
        if call == "link":
            return client.post("/api/auth/oidc/none/link", json=body, headers=cookie.auth)
        body["new_password"] = "another new password"
        return client.put(f"{victim.url}/password", json=body, headers=cookie.auth)

    answers = [prove(_WRONG) for _ in range(LIMIT + 1)]
    assert statuses(answers) == {403: LIMIT, 429: 1}  # check 45
    problem(prove(PASSWORD), 429, CODE)  # check 45


def test_a_success_begins_the_count_anew(client: httpx2.Client, victim: Account) -> None:
    """Failures in a row count; mistyping now and then locks nobody out."""
    for _ in range(3):
        answers = [_log_in(client, victim.email) for _ in range(LIMIT - 1)]
        assert statuses(answers) == {401: LIMIT - 1}
        assert _log_in(client, victim.email, PASSWORD).status_code == 200
    _use_up(client, victim.email)


def test_of_thirty_at_once_no_more_than_the_limit_are_tried(
    client: httpx2.Client, victim: Account
) -> None:
    """Each is counted before its password is verified."""
    calls = [partial(_log_in, client, victim.email) for _ in range(30)]
    assert statuses(at_once(calls)) == {401: LIMIT, 429: 30 - LIMIT}  # check 10


def test_each_account_counts_for_itself_in_all_its_spellings(
    client: httpx2.Client, victim: Account
) -> None:
    """Another way to write the address is no way round; other accounts are left alone."""
    name, _, domain = victim.email.partition("@")
    spellings = [
        victim.email,
        victim.email.upper(),
        f" {victim.email}\t",
        f"{name}@{domain.title()}",
    ]
    answers = [_log_in(client, email) for email in spellings * 2]
    assert statuses(answers) == {401: LIMIT, 429: len(answers) - LIMIT}  # check 8, check 10
    other = tokens_in(_log_in(client, victim.email, PASSWORD, **victim.auth))
    assert me(client, other.auth).status_code == 200
    for email in (f"x{victim.email}", f"{name}+x@{domain}", new_email()):
        problem(_log_in(client, email), 401, "bad-credentials")


def test_composed_and_decomposed_letters_are_one_account(client: httpx2.Client) -> None:
    """NFC and NFD of an address that nobody has are counted together, too."""
    mark = secrets.token_hex(8)
    answers = [
        _log_in(client, f"{letter}{mark}@example.com") for letter in ("\u00e9", "e\u0301") * LIMIT
    ]
    assert statuses(answers) == {401: LIMIT, 429: LIMIT}  # check 8


def test_without_redis_each_process_counts_for_itself(
    start_service: StartService, victim: Account
) -> None:
    """Login is never unlimited; the owner gets in, and a success begins anew, as ever."""
    alone = start_service(
        REDIS_URL=f"redis://127.0.0.1:{free_port()}/0",
        RATE_LIMIT_LOGIN_FAILURES=f"{LIMIT}/minute",
    ).client
    for _ in range(2):
        answers = [_log_in(alone, victim.email) for _ in range(LIMIT - 1)]
        assert statuses(answers) == {401: LIMIT - 1}
        assert _log_in(alone, victim.email, PASSWORD).status_code == 200
    refused = _use_up(alone, victim.email)  # check F8
    problem(refused, 429, CODE)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    calls = [partial(_log_in, alone, new) for new in [new_email()] * 30]
    assert statuses(at_once(calls)) == {401: LIMIT, 429: 30 - LIMIT}  # check F8
    signed_in(alone, victim, **victim.auth)  # check 10

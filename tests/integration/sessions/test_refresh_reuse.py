"""A refresh token that is sent twice may be stolen, so its whole session ends."""

import json
import time
from functools import partial
from typing import Any

import httpx2
import psycopg
import pytest

from tests.accounts import Account, notices
from tests.conftest import StartService
from tests.integration.signed_in import (
    Tokens,
    assert_tokens_refused,
    me,
    refresh,
    signed_in,
    tokens_in,
)
from tests.integration.wire import at_once, log_lines, problem, statuses
from tests.service import Service


@pytest.fixture(scope="module")
def other(start_service: StartService) -> httpx2.Client:
    """An HTTP client of another process of the service."""
    return start_service().client


def _refused_within_a_second(client: httpx2.Client, tokens: Tokens, since: float) -> None:
    while me(client, tokens.auth).status_code != 401:
        assert time.monotonic() < since + 1  # check 17
    problem(me(client, tokens.auth), 401, "invalid-token")


def test_a_reused_refresh_token_ends_its_session_in_every_process(
    client: httpx2.Client, other: httpx2.Client, shared_user: Account
) -> None:
    """The session ends at once in the same process, and within a second in another process.

    The successor of the reused token is refused too.
    """
    first = signed_in(client, shared_user)
    other_session = signed_in(client, shared_user)
    second = tokens_in(refresh(other, first.refresh))
    for process in (client, other):
        for tokens in (first, second):
            assert me(process, tokens.auth).status_code == 200
    problem(refresh(client, first.refresh), 401, "invalid-refresh-token")  # check 15
    ended = time.monotonic()
    for tokens in (first, second):
        assert_tokens_refused(client, tokens)  # check 15
    problem(refresh(other, second.refresh), 401, "invalid-refresh-token")  # check 15
    for tokens in (first, second):
        _refused_within_a_second(other, tokens, ended)
    tokens_in(refresh(client, other_session.refresh))


def test_the_first_refresh_token_of_a_session_ends_it_too(
    client: httpx2.Client, shared_user: Account
) -> None:
    """A reuse of the first token ends the session, however many refreshes were made since."""
    tokens = [signed_in(client, shared_user)]
    for _ in range(4):
        tokens.append(tokens_in(refresh(client, tokens[-1].refresh)))
    problem(refresh(client, tokens[0].refresh), 401, "invalid-refresh-token")  # check 15
    assert_tokens_refused(client, tokens[-1])  # check 15


def test_a_reuse_is_logged_without_the_token(
    service: Service, client: httpx2.Client, shared_user: Account
) -> None:
    """The log line has the user and the session. An unknown token is not logged as a reuse."""
    first = signed_in(client, shared_user)
    second = tokens_in(refresh(client, first.refresh))
    request_id = refresh(client, first.refresh).headers["X-Request-ID"]
    lines: list[dict[str, Any]] = log_lines(service, request_id)
    (warning,) = [line for line in lines if line["event"] == "refresh_token_reused"]
    assert (warning["level"], warning["user_id"], warning["session_id"]) == (
        "warning",
        shared_user.id,
        second.session_id,
    )  # check 15
    again = log_lines(service, refresh(client, second.refresh).headers["X-Request-ID"])
    assert [line["event"] for line in again] == ["request"]
    log = service.log.read_text()
    for secret in (first.refresh, first.access, second.refresh, second.access):
        assert secret not in log  # check 38
    for line in log.splitlines():
        json.loads(line)


def test_a_reuse_is_announced_once(
    client: httpx2.Client, ahmed: Account, database: psycopg.Connection
) -> None:
    """The owner gets a notice when the session ends. A further reuse sends no further notice."""
    first = signed_in(client, ahmed)
    tokens_in(refresh(client, first.refresh))
    for _ in range(2):
        problem(refresh(client, first.refresh), 401, "invalid-refresh-token")
        assert notices(database, ahmed.id, ahmed.email) == ["refresh-token-reused"]  # check 15


@pytest.mark.parametrize("processes", [1, 2])
def test_of_twenty_concurrent_uses_exactly_one_gets_a_pair(
    client: httpx2.Client, other: httpx2.Client, shared_user: Account, processes: int
) -> None:
    """The other requests send a spent token, so the session ends, and the new pair is refused."""
    tokens = signed_in(client, shared_user)
    targets = [client, other][:processes] * (20 // processes)
    responses = at_once([partial(refresh, process, tokens.refresh) for process in targets])
    assert statuses(responses) == {200: 1, 401: 19}  # check 16
    ended = time.monotonic()
    for response in responses:
        if response.status_code == 401:
            problem(response, 401, "invalid-refresh-token")
    (successor,) = [tokens_in(response) for response in responses if response.status_code == 200]
    problem(refresh(client, successor.refresh), 401, "invalid-refresh-token")  # check 16
    _refused_within_a_second(client, successor, ended)


def test_different_sessions_can_be_refreshed_concurrently(
    client: httpx2.Client, shared_user: Account
) -> None:
    """A user can be signed in on several devices."""
    sessions = [signed_in(client, shared_user) for _ in range(5)]
    responses = at_once([partial(refresh, client, tokens.refresh) for tokens in sessions])
    pairs = [tokens_in(response) for response in responses]
    assert len({pair.session_id for pair in pairs}) == 5
    for pair in pairs:
        tokens_in(refresh(client, pair.refresh))

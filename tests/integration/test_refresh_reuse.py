"""A refresh token that comes twice: one of two who hold it is a thief, so that both are out."""

import json
import time
from functools import partial
from typing import Any

import httpx2
import pytest

from tests.accounts import Account
from tests.conftest import StartService
from tests.integration.signed_in import (
    Tokens,
    all_refused,
    me,
    refresh,
    signed_in,
    tokens_in,
)
from tests.integration.wire import at_once, log_lines, problem, statuses
from tests.service import Service


@pytest.fixture(scope="module")
def other(start_service: StartService) -> httpx2.Client:
    """Speaks HTTP to another process of the same service."""
    return start_service().client


def _refused_within_a_second(client: httpx2.Client, tokens: Tokens, since: float) -> None:
    while me(client, tokens.auth).status_code != 401:
        assert time.monotonic() < since + 1  # check 17
    problem(me(client, tokens.auth), 401, "invalid-token")


def test_a_spent_refresh_token_ends_its_family_everywhere(
    client: httpx2.Client, other: httpx2.Client, somebody: Account
) -> None:
    """At once where it was sent, within a second elsewhere; the successor is refused too."""
    first = signed_in(client, somebody)
    bystander = signed_in(client, somebody)
    second = tokens_in(refresh(other, first.refresh))
    for process in (client, other):
        for tokens in (first, second):
            assert me(process, tokens.auth).status_code == 200
    problem(refresh(client, first.refresh), 401, "invalid-refresh-token")  # check 15
    ended = time.monotonic()
    for tokens in (first, second):
        all_refused(client, tokens)  # check 15
    problem(refresh(other, second.refresh), 401, "invalid-refresh-token")  # check 15
    for tokens in (first, second):
        _refused_within_a_second(other, tokens, ended)
    tokens_in(refresh(client, bystander.refresh))


def test_the_oldest_of_many_ends_the_family_as_the_last_one_does(
    client: httpx2.Client, somebody: Account
) -> None:
    """However often it was refreshed since."""
    tokens = [signed_in(client, somebody)]
    for _ in range(4):
        tokens.append(tokens_in(refresh(client, tokens[-1].refresh)))
    problem(refresh(client, tokens[0].refresh), 401, "invalid-refresh-token")  # check 15
    all_refused(client, tokens[-1])  # check 15


def test_the_log_tells_of_a_reuse_and_not_of_the_token(
    service: Service, client: httpx2.Client, somebody: Account
) -> None:
    """Whose it was and which session it ended; a token that is merely unknown is no news."""
    first = signed_in(client, somebody)
    second = tokens_in(refresh(client, first.refresh))
    request_id = refresh(client, first.refresh).headers["X-Request-ID"]
    lines: list[dict[str, Any]] = log_lines(service, request_id)
    (news,) = [line for line in lines if line["event"] == "refresh_token_reused"]
    assert (news["level"], news["user_id"], news["session_id"]) == (
        "warning",
        somebody.id,
        second.session_id,
    )  # check 15
    again = log_lines(service, refresh(client, second.refresh).headers["X-Request-ID"])
    assert [line["event"] for line in again] == ["request"]
    log = service.log.read_text()
    for secret in (first.refresh, first.access, second.refresh, second.access):
        assert secret not in log  # check 38
    for line in log.splitlines():
        json.loads(line)


@pytest.mark.parametrize("processes", [1, 2])
def test_of_twenty_parallel_uses_exactly_one_gets_a_pair(
    client: httpx2.Client, other: httpx2.Client, somebody: Account, processes: int
) -> None:
    """The others have sent a spent token, so that the family ends, the one successor with it."""
    tokens = signed_in(client, somebody)
    asked = [client, other][:processes] * (20 // processes)
    answers = at_once([partial(refresh, process, tokens.refresh) for process in asked])
    assert statuses(answers) == {200: 1, 401: 19}  # check 16
    ended = time.monotonic()
    for answer in answers:
        if answer.status_code == 401:
            problem(answer, 401, "invalid-refresh-token")
    (successor,) = [tokens_in(answer) for answer in answers if answer.status_code == 200]
    problem(refresh(client, successor.refresh), 401, "invalid-refresh-token")  # check 16
    _refused_within_a_second(client, successor, ended)


def test_different_sessions_refreshed_at_once_do_not_mind_one_another(
    client: httpx2.Client, somebody: Account
) -> None:
    """One account may be signed in on many devices."""
    sessions = [signed_in(client, somebody) for _ in range(5)]
    answers = at_once([partial(refresh, client, tokens.refresh) for tokens in sessions])
    pairs = [tokens_in(answer) for answer in answers]
    assert len({pair.session_id for pair in pairs}) == 5
    for pair in pairs:
        tokens_in(refresh(client, pair.refresh))

"""Server-Timing: what took how long, for whoever asks, where that is wanted."""

import re

import httpx2
import pytest

from tests.accounts import sign_up, signup_body
from tests.conftest import StartService
from tests.integration.wire import log_lines
from tests.service import Service

_METRIC = re.compile(r'([a-z-]+);dur=(\d+\.\d)(?:;desc="(\d+)")?')


@pytest.fixture(scope="module")
def told(start_service: StartService) -> Service:
    """A service that tells, and exports no trace."""
    return start_service(SERVER_TIMING="on")


def _timing(response: httpx2.Response) -> dict[str, tuple[float, int]]:
    (header,) = response.headers.get_list("Server-Timing")
    metrics = [_METRIC.fullmatch(part) for part in header.split(", ")]
    return {it[1]: (float(it[2]), int(it[3] or 1)) for it in metrics if it}


def test_a_response_says_how_long_each_stage_took(told: Service) -> None:
    """In milliseconds, in the order in which they began, and how often if more than once."""
    timing = _timing(told.client.post("/api/users", json=signup_body()))
    assert list(timing) == ["rate-limit", "redis", "validate", "endpoint", "service", "hash",
                            "pool", "sql", "commit", "serialize"]  # fmt: skip
    assert timing["hash"][0] > 5
    account = sign_up(told.client)
    login = {"email": account.email, "password": account.password}
    assert _timing(told.client.post("/api/auth/login", json=login))["sql"][1] == 4


def test_an_answer_from_memory_has_its_own_times(told: Service) -> None:
    """They are no part of what is remembered."""
    first, second, third = [told.client.get("/api/products") for _ in range(3)]
    assert "sql" in _timing(first)
    for hit in (second, third):
        assert hit.headers["X-Cache"] == "hit"
        # Whether at the door or, if its memory has no room or no time, behind it.
        assert {"cache", "rate-limit", "redis"} <= set(_timing(hit))
        assert "sql" not in _timing(hit)
        assert b"dur=" not in hit.content


def test_refusals_say_it_too(told: Service) -> None:
    """Problems have the header like any other response."""
    assert set(_timing(told.client.get("/nothing"))) == {"rate-limit", "redis"}


def test_the_log_has_the_same_times(told: Service) -> None:
    """Also where no trace is exported, under the words of the header."""
    response = told.client.post("/api/users", json=signup_body())
    (line,) = log_lines(told, response.headers["X-Request-ID"])
    assert line["stages_ms"] == {stage: ms for stage, (ms, _) in _timing(response).items()}
    assert line["stages_ms"]["hash"] <= line["duration_ms"]


def test_it_is_off_unless_it_is_wanted(client: httpx2.Client) -> None:
    """In production nobody learns how long a password was compared."""
    assert "Server-Timing" not in client.post("/api/users", json=signup_body()).headers

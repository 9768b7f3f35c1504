"""The line of a request with LOG_FORMAT=console."""

import os
import sys
from typing import Any

import pytest

from app.adapters.log_console import request_line
from tests.terminals import output_on_terminal

EVENT: dict[str, Any] = {
    "event": "request", "level": "info", "timestamp": "20:01:59", "status": 404, "method": "GET",
    "route": "/api/users/{user_id}/orders/{order_id}", "duration_ms": 29.4, "user_id": 7,
    "client": "127.0.0.1", "request_id": "a" * 32, "trace_id": "b" * 32, "stages_ms": {"sql": 1.0},
}  # fmt: skip
PROGRAM = f"""
from app.adapters.log_console import ConsoleLines
print(ConsoleLines()(None, "info", {EVENT}))
"""


def test_a_request_is_a_line_of_at_most_80_columns() -> None:
    """The line has the status, method, path template, duration and process, in this order."""
    line = request_line(EVENT, "app-1", 80)
    expected = ["20:01:59", "404", "GET", EVENT["route"], "29.4", "ms", "app-1"]
    assert line.split() == expected
    slow = {**EVENT, "method": "OPTIONS", "duration_ms": 99999.9}
    assert len(request_line(slow, "app-1", 80)) <= 80


def test_a_long_path_loses_its_middle() -> None:
    """The beginning and the end are kept, because they say most about a path."""
    route = "/api/users/{user_id}/identities/{identity_id}/and/more"
    line = request_line({**EVENT, "route": route}, "app-1", 80)
    shown = line.split()[3]
    begin, _, end = shown.partition("…")
    assert len(line) <= 80
    assert route.startswith(begin)
    assert route.endswith(end)
    assert min(len(begin), len(end)) >= 15


def test_a_request_without_a_route_says_so() -> None:
    """A path that does not exist may contain anything, so it is never logged."""
    assert "404 GET     (no such path) " in request_line({**EVENT, "route": None}, "app-1", 80)


def test_a_wider_line_has_the_fields_that_fit() -> None:
    """A file has no width: its lines have all fields, except the durations of the stages."""
    assert request_line(EVENT, "app-1", 120).endswith(" app-1 client=127.0.0.1 user_id=7")
    whole = request_line(EVENT, "app-1", sys.maxsize)
    assert whole.endswith(
        f" app-1 client=127.0.0.1 request_id={'a' * 32} trace_id={'b' * 32} user_id=7"
    )


def test_a_value_cannot_change_the_terminal() -> None:
    """The line has no control characters, whatever a client sends."""
    event = {**EVENT, "client": "\n\x1b[31m"}
    assert request_line(event, "app-1", sys.maxsize).isprintable()


@pytest.mark.parametrize(
    ("variables", "begin"),
    [({}, "20:01:59 \033[33m404\033[0m GET"), ({"NO_COLOR": "1"}, "20:01:59 404 GET")],
    ids=["colours", "NO_COLOR"],
)
def test_a_terminal_gets_its_width_and_colours(variables: dict[str, str], begin: str) -> None:
    """The colour depends on the status. The process has the name of its OpenTelemetry instance."""
    variables |= {
        "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=app-7",
        "PATH": os.environ["PATH"],
    }
    line = output_on_terminal([sys.executable, "-c", PROGRAM], variables)
    assert line.startswith(begin)
    assert line.endswith(" 29.4 ms  app-7\n")

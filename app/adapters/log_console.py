"""Log lines for a person at a terminal. A request is one line, which fits the terminal."""

import os
import shutil
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, OTELResourceDetector
from structlog.typing import WrappedLogger

_DEFAULT_COLUMNS: Final = 80
_MAX_ROUTE_COLUMNS: Final = 46
_MIN_ROUTE_COLUMNS: Final = 8
_IN_COLUMNS: Final = {"timestamp", "status", "method", "route", "duration_ms"}
_HIDDEN: Final = {"event", "level", "stages_ms"}
_COLOURS: Final = {"2": "\033[32m", "4": "\033[33m", "5": "\033[31m"}
"""Green, yellow and red, by the first digit of the status."""
_RESET: Final = "\033[0m"


class ConsoleLines:
    """A structlog processor that makes the text of a line. Only a terminal gets colours.

    NO_COLOR (https://no-color.org) turns the colours off.
    """

    def __init__(self) -> None:
        attributes = OTELResourceDetector().detect().attributes
        self._process = str(attributes.get(SERVICE_INSTANCE_ID, os.getpid()))
        self._colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._other_lines = structlog.dev.ConsoleRenderer(
            colors=self._colours,
            exception_formatter=structlog.dev.plain_traceback,
            pad_event_to=0,
        )

    def __call__(self, logger: WrappedLogger, name: str, event: MutableMapping[str, Any]) -> str:
        """Return the line of an event."""
        if event.get("event") != "request":
            return self._other_lines(logger, name, event)
        line = request_line(event, self._process, _columns())
        status = str(event["status"])
        colour = _COLOURS.get(status[0]) if self._colours else None
        return line.replace(status, f"{colour}{status}{_RESET}", 1) if colour else line


def request_line(event: MutableMapping[str, Any], process: str, columns: int) -> str:
    """Return the line of a request: time, status, method, path template, duration, process.

    Each other field follows if it fits into `columns`. In a path template that is too long, an
    ellipsis replaces the middle.
    """
    head = f"{event['timestamp']} {event['status']} {event['method']:<7} "
    tail = f" {event['duration_ms']:8.1f} ms  {process}"
    room = max(min(columns - len(head) - len(tail), _MAX_ROUTE_COLUMNS), _MIN_ROUTE_COLUMNS)
    line = f"{head}{_shortened(event['route'] or '(no such path)', room):<{room}}{tail}"
    for name in sorted(event.keys() - _IN_COLUMNS - _HIDDEN):
        # Escaped, so that a value cannot control the terminal or begin a new line.
        more = f" {name}={event[name]}".encode("unicode_escape").decode()
        if event[name] is not None and len(line) + len(more) <= columns:
            line += more
    return line


def _shortened(text: str, columns: int) -> str:
    if len(text) <= columns:
        return text
    end = columns // 2
    return f"{text[: columns - end - 1]}…{text[-end:]}"


def _columns() -> int:
    # A file has no width, so its lines have all fields.
    default = _DEFAULT_COLUMNS if sys.stdout.isatty() else sys.maxsize
    return shutil.get_terminal_size((default, 0)).columns

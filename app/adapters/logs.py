"""Structured logs by structlog: JSON for machines, or one readable line for a person.

What the libraries log through the standard library's `logging` goes the same way.
"""

import logging
import math
import sys
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from pydantic_core import to_json
from structlog.typing import Processor, WrappedLogger

from app.settings import Settings

_SELDOM: Final = 60.0


def configure_logging(settings: Settings) -> None:
    """Send every log line of this process to stdout in the one format that is set."""
    for_people = settings.log_format == "console"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False) if for_people else _stamped,
    ]
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(_seldom())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_ending(settings),
                _as_text,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = name != "uvicorn.access"
    # Their lines have addresses of other servers in them, and headers at level `debug`. The pool of
    # SQLAlchemy tells of each connection that comes and goes.
    for name in ("httpcore2", "urllib3", "sqlalchemy"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if for_people:
        # Whoever watches a terminal has started the processes and need not be told of it.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    # Our own lines need not take the way through the standard library, which costs as much as
    # all the rest of a request that is answered from memory.
    structlog.configure(
        processors=[*shared, *_ending(settings)],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )


def _seldom() -> Callable[[logging.LogRecord], bool]:
    # Of a collector that is away OpenTelemetry writes a line for each try, and one for each span
    # that it has to drop. One a minute will do.
    last = -math.inf

    def passes(line: logging.LogRecord) -> bool:
        nonlocal last
        if not line.name.startswith("opentelemetry."):
            return True
        if line.created < last + _SELDOM:
            return False
        last = line.created
        return True

    return passes


def _ending(settings: Settings) -> list[Processor]:
    # Tracebacks are Python's own: all frames, and no local variables, since a password would
    # be among them.
    if settings.log_format == "json":
        return [structlog.processors.format_exc_info, _json]
    return [
        _one_line_for_a_request,
        structlog.dev.ConsoleRenderer(
            colors=sys.stdout.isatty(),
            exception_formatter=structlog.dev.plain_traceback,
            pad_event_to=0,
        ),
        _as_bytes,
    ]


def _stamped(
    _: WrappedLogger, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    # The encoder writes a datetime as RFC 3339 wants it, in a fifth of TimeStamper's time.
    event["timestamp"] = datetime.now(UTC)
    return event


def _json(_: WrappedLogger, __: str, event: MutableMapping[str, Any]) -> bytes:
    return to_json(event, fallback=str)


def _as_bytes(_: WrappedLogger, __: str, line: Any) -> bytes:  # noqa: ANN401 - what comes last
    return str(line).encode()


def _as_text(_: WrappedLogger, __: str, line: Any) -> str:  # noqa: ANN401 - what comes last
    return str(line, "utf-8")


def _one_line_for_a_request(
    _: WrappedLogger, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    if event.get("event") == "request":
        status, milliseconds = event.pop("status"), event.pop("duration_ms")
        method, route = event.pop("method"), event.pop("route") or "(no such path)"
        event["event"] = f"{status} {method:<6} {route:<28} {milliseconds:8.1f} ms"
        if event["user_id"] is None:
            del event["user_id"]
        # With them it would no longer be one line of a terminal.
        event.pop("stages_ms", None)
    return event

"""Structured logs with structlog: JSON for machines, or one readable line for people.

The lines that libraries log through the standard library's `logging` have the same format.
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

from app.adapters.log_console import ConsoleLines
from app.settings import Settings

_OPENTELEMETRY_PAUSE_SECONDS: Final = 60.0
_JOB_ERRORS: Final = ("job_error", "job_error_retry")
"""The `action` of the lines that Procrastinate, the job queue's library, logs for failed jobs."""


def configure_logging(settings: Settings) -> None:
    """Write every log line of this process to stdout, in the format of the settings."""
    is_console = settings.log_format == "console"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
        if is_console
        else _add_timestamp,
    ]
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(_limit_opentelemetry())
    # Drop the lines of Procrastinate: the worker logs its own line for each failed job.
    handler.addFilter(lambda line: getattr(line, "action", None) not in _JOB_ERRORS)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(settings),
                _as_text,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = name != "uvicorn.access"
    # At lower levels, these libraries log addresses of other servers, headers, and each connection
    # that SQLAlchemy's pool opens or closes.
    for name in ("httpcore2", "urllib3", "sqlalchemy", "procrastinate"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if is_console:
        # A developer at a terminal does not need uvicorn's lines about its own start and end.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    # The service's own lines do not pass through the standard library's `logging`: that would
    # double the time of a request that is answered from memory.
    structlog.configure(
        processors=[*shared, *_renderers(settings)],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )


def _limit_opentelemetry() -> Callable[[logging.LogRecord], bool]:
    # While a collector is unavailable, OpenTelemetry logs a line for each attempt to export spans,
    # and a line for each dropped span. One line a minute is enough.
    last = -math.inf

    def passes(line: logging.LogRecord) -> bool:
        nonlocal last
        if not line.name.startswith("opentelemetry."):
            return True
        if line.created < last + _OPENTELEMETRY_PAUSE_SECONDS:
            return False
        last = line.created
        return True

    return passes


def _renderers(settings: Settings) -> list[Processor]:
    # Tracebacks have Python's own format: all frames, but no local variables, because a local
    # variable may be a password.
    if settings.log_format == "json":
        return [structlog.processors.format_exc_info, _json]
    return [ConsoleLines(), _as_bytes]


def _add_timestamp(
    _: WrappedLogger, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    # structlog's TimeStamper takes five times as long as the JSON encoder, which also writes a
    # datetime as RFC 3339 requires.
    event["timestamp"] = datetime.now(UTC)
    return event


def _json(_: WrappedLogger, __: str, event: MutableMapping[str, Any]) -> bytes:
    return to_json(event, fallback=str)


def _as_bytes(_: WrappedLogger, __: str, line: Any) -> bytes:  # noqa: ANN401 - from a renderer
    return str(line).encode()


def _as_text(_: WrappedLogger, __: str, line: Any) -> str:  # noqa: ANN401 - from a renderer
    return str(line, "utf-8")

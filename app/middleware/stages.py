"""What a request goes through, for whoever looks: traces, `Server-Timing`, and the access log."""

import time
from typing import Final

from limits import parse
from opentelemetry import trace
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.middleware.access_log import METHODS, PROBES
from app.tracing import Recording, Stage, record

_ALWAYS_TRACED: Final = "roundtrip=always"


class TraceSelection:
    """Selects the requests that are traced, before a span of them exists.

    To trace a request takes two to four times the processor time of an untraced one
    (docs/performance.md). A limit keeps traces from using the time that a busy process needs to
    serve. OpenTelemetry's sampler then decides about the requests that are left.
    """

    def __init__(self, limit: str | None) -> None:
        """Take one limit in slowapi's notation. It is for this process; None is no limit."""
        # Counted here: the storage in memory of `limits` starts a thread for most of its counts.
        self._limit = parse(limit) if limit is not None else None
        self._left = 0
        self._window_ends = 0.0

    def excludes(self, scope: Scope) -> bool:
        """Return whether no span of this request is to be made.

        A client that needs its trace in any case sends `tracestate: roundtrip=always` (W3C Trace
        Context, section 3.3).
        """
        if scope.get("path") in PROBES:
            return True
        if self._limit is None or _ALWAYS_TRACED in Headers(scope=scope).get("tracestate", ""):
            return False
        now = time.monotonic()
        if now >= self._window_ends:
            self._window_ends = now + self._limit.get_expiry()
            self._left = self._limit.amount
        self._left -= 1
        return self._left < 0


class Stages:
    """Has the stages of a request recorded, if its trace is, or if it is to be told of them.

    The request's own span is FastAPI's. What is answered here at the door gets its route here
    too, and no request's path or query stands in it: they may be anything, a password among it.
    """

    def __init__(self, app: ASGIApp, *, server_timing: bool) -> None:
        """With `server_timing` each response says what took how long (W3C Server Timing)."""
        self.app = app
        self.server_timing = server_timing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with an eye on it."""
        if scope["type"] == "http":
            span = trace.get_current_span()
            traced = span.is_recording()
            if traced:
                _describe(span, scope)
            if traced or self.server_timing:
                recording = scope["state"]["recording"] = Recording(spans=traced)
                record(recording)
                if self.server_timing:
                    send = _telling(send, recording)
        await self.app(scope, receive, send)


def _describe(span: trace.Span, scope: Scope) -> None:
    path = scope["state"]["path"]
    template = path.template if path is not None else ""
    host, port = scope["server"]
    said = {
        # FastAPI takes them from the Host header, which may be anything.
        "server.address": host,
        "server.port": port,
        "roundtrip.request_id": scope["state"]["request_id"],
        "url.path": _known_parts(scope["path"], template),
    }
    if path is not None:
        method = scope["method"] if scope["method"] in METHODS else "HTTP"
        span.update_name(f"{method} {template}")
        said["http.route"] = template
    if scope["query_string"]:
        said["url.query"] = "REDACTED"
    span.set_attributes(said)


def _known_parts(path: str, template: str) -> str:
    """Return the path with nothing in it but what the template has, and numbers."""
    parts = zip(path.split("/"), template.split("/"), strict=False)
    return "/".join(part if part.isdecimal() else known for part, known in parts) or "REDACTED"


def _telling(send: Send, recording: Recording) -> Send:
    async def send_with_durations(message: Message) -> None:
        if message["type"] == "http.response.start" and (took := recording.milliseconds()):
            told = ", ".join(
                _told(stage, milliseconds, len(recording.durations[stage]))
                for stage, milliseconds in took.items()
            )
            message["headers"].append((b"server-timing", told.encode()))
        await send(message)

    return send_with_durations


def _told(stage: Stage, milliseconds: float, times: int) -> str:
    described = f';desc="{times}"' if times > 1 else ""
    return f"{stage};dur={milliseconds}{described}"

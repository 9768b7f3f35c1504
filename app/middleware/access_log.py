"""One line in the log, and one measurement, for each request."""

import time
from functools import cache

import structlog
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CollectorRegistry, Histogram
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.request_state import state_of
from app.tracing import Recording, Stage, trace_id

_log = structlog.get_logger()
METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
PROBES = {"/livez", "/readyz", "/metrics"}
_NO_RESPONSE = 499


class AccessLog:
    """Logs each request when it is over, and counts it into the histogram of durations.

    A line has the request's id, its trace (W3C Trace Context, section 3.2), the route's template
    rather than the path, the user's id, and how long each stage took if that was recorded; no
    header and no body ever. Health checks are logged at level `debug`.
    """

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self.app = app
        self.durations = Histogram(
            "http_request_duration_seconds",
            "Time from the first byte of a request to the last of its response.",
            ["method", "route", "status"],
            registry=registry,
        )
        # There are as many as methods, routes and statuses; to find one anew takes longer than
        # to count.
        self._series = cache(self.durations.labels)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note how it went."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = _NO_RESPONSE
        started = time.perf_counter()

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        # Each request has a task, and so a context, of its own.
        structlog.contextvars.bind_contextvars(
            request_id=state_of(scope).request_id, **_trace_id(scope)
        )
        try:
            await self.app(scope, receive, send_and_note)
        finally:
            self._note(scope, status, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        state = state_of(scope)
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = state.path.template if state.path else None
        self._series(method, route or "none", status).observe(seconds)
        write = _log.debug if route in PROBES else _log.info
        write(
            "request",
            method=method,
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 1),
            user_id=state.user_id,
            client=scope["client"][0] if scope.get("client") else None,
            **_stages(state.recording),
        )


def _stages(recording: Recording | None) -> dict[str, dict[Stage, float]]:
    return {"stages_ms": recording.milliseconds()} if recording is not None else {}


def _trace_id(scope: Scope) -> dict[str, str]:
    # Without tracing, nobody has read the header yet.
    found = trace_id() or (
        _sent_trace_id(scope) if any(name == b"traceparent" for name, _ in scope["headers"]) else 0
    )
    return {"trace_id": trace.format_trace_id(found)} if found else {}


def _sent_trace_id(scope: Scope) -> int:
    context = TraceContextTextMapPropagator().extract(Headers(scope=scope))
    return trace.get_current_span(context).get_span_context().trace_id

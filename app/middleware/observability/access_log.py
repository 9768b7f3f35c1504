"""The access log, and the metric of request durations."""

import time
from functools import cache

import structlog
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CollectorRegistry, Histogram
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.paths import METHODS, is_health_check
from app.http.request_state import GraphqlOutcome, state_of
from app.tracing import Recording, Stage, trace_id

_log = structlog.get_logger()
_CLIENT_CLOSED_REQUEST = 499
"""The status in the log if no response was sent. nginx uses the same number."""
_MAX_OPERATIONS = 100
"""The maximum number of GraphQL operations that the metric names."""
_OTHER_OPERATIONS = "other-operations"
"""The metric's name for all other operations.

No operation has this name, because the names of GraphQL operations contain no dash.
"""


class AccessLog:
    """Logs each request when it ends, and adds its duration to a histogram.

    A log line has the request id, the trace id (W3C Trace Context, section 3.2), the path template
    instead of the path, the user id, the client's IP address, and the durations of the stages if
    the stages were recorded. The log line of a GraphQL request also has the name of the operation
    and the codes of the errors. No log line contains headers or a body. Health checks and reads of
    the metrics are logged at level `debug`.
    """

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self.app = app
        self.durations = Histogram(
            "http_request_duration_seconds",
            "Time from the end of the request headers to the last byte of the response.",
            ["method", "route", "status"],
            registry=registry,
        )
        self.operations = Histogram(
            "graphql_operation_duration_seconds",
            "Time from the end of the request headers to the last byte of a GraphQL response.",
            ["operation", "outcome"],
            registry=registry,
        )
        self._operation_names = set[str]()
        # Finding a series takes longer than adding a value to it, so the series are cached. The
        # cache needs no limit: there is one series for each method, route and status.
        self._series = cache(self.durations.labels)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, then log and measure it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = _CLIENT_CLOSED_REQUEST
        started = time.perf_counter()

        async def send_and_record_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        # These values are lost when the request ends, because uvicorn's --reset-contextvars gives
        # each request its own context.
        structlog.contextvars.bind_contextvars(
            request_id=state_of(scope).request_id, **_trace_id(scope)
        )
        try:
            await self.app(scope, receive, send_and_record_status)
        finally:
            self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        state = state_of(scope)
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = state.path.template if state.path else None
        self._series(method, route or "none", status).observe(seconds)
        if state.graphql is not None:
            outcome = "failed" if state.graphql.codes else "ok"
            name = self._label(state.graphql.operation)
            self.operations.labels(name, outcome).observe(seconds)
        log = _log.debug if is_health_check(scope["path"]) else _log.info
        log(
            "request",
            method=method,
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 1),
            user_id=state.user_id,
            client=scope["client"][0] if scope.get("client") else None,
            **_operation(state.graphql),
            **_stages(state.recording),
        )

    def _label(self, operation: str) -> str:
        # Clients choose the names of operations, so the number of series needs a limit.
        if len(self._operation_names) < _MAX_OPERATIONS:
            self._operation_names.add(operation)
        return operation if operation in self._operation_names else _OTHER_OPERATIONS


def _operation(graphql: GraphqlOutcome | None) -> dict[str, str | list[str]]:
    if graphql is None:
        return {}
    return {"operation": graphql.operation, **({"errors": graphql.codes} if graphql.codes else {})}


def _stages(recording: Recording | None) -> dict[str, dict[Stage, float]]:
    return {"stages_ms": recording.milliseconds()} if recording is not None else {}


def _trace_id(scope: Scope) -> dict[str, str]:
    number = trace_id() or _parent_trace_id(scope)
    return {"trace_id": trace.format_trace_id(number)} if number else {}


def _parent_trace_id(scope: Scope) -> int:
    # If tracing is off, FastAPI has not parsed `traceparent`. Most requests do not have this
    # header, so look for the header before parsing it.
    if not any(name == b"traceparent" for name, _ in scope["headers"]):
        return 0
    context = TraceContextTextMapPropagator().extract(Headers(scope=scope))
    return trace.get_current_span(context).get_span_context().trace_id

"""Records the stages of a request for traces, `Server-Timing` and the access log."""

from opentelemetry import trace
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.paths import METHODS
from app.http.request_state import state_of
from app.tracing import Recording, Stage, record


class Stages:
    """Records the stages of a request if it is traced, or if `Server-Timing` is on.

    FastAPI creates the request's own span. This middleware sets the route of this span, even if
    another middleware answers the request. The span contains neither the query nor the path: the
    client chose both, and they may contain a password. Instead, it contains the path template with
    the numbers of the path. When the response begins, the span also gets the signed-in user's id.
    """

    def __init__(self, app: ASGIApp, *, server_timing: bool) -> None:
        """With `server_timing`, each response has a `Server-Timing` header (W3C)."""
        self.app = app
        self.server_timing = server_timing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and record its stages."""
        if scope["type"] == "http":
            span = trace.get_current_span()
            traced = span.is_recording()
            if traced:
                _describe(span, scope)
                send = _with_user(send, span, scope)
            recording = Recording(spans=traced) if traced or self.server_timing else None
            state_of(scope).recording = recording
            # Set None too: some servers begin a request in the context of an earlier request, whose
            # recording would continue.
            record(recording)
            if recording is not None and self.server_timing:
                send = _with_server_timing(send, recording)
        await self.app(scope, receive, send)


def _describe(span: trace.Span, scope: Scope) -> None:
    state = state_of(scope)
    path = state.path
    template = path.template if path is not None else ""
    # In ASGI, `server` may be missing, and a Unix socket has no port.
    address, port = scope.get("server") or ("", None)
    attributes = {
        # FastAPI would take address and port from the Host header, which the client chose.
        "server.address": address,
        "server.port": port or 0,
        "roundtrip.request_id": state.request_id,
        "url.path": _redacted(scope["path"], template),
    }
    if path is not None:
        method = scope["method"] if scope["method"] in METHODS else "HTTP"
        span.update_name(f"{method} {template}")
        attributes["http.route"] = template
    if scope["query_string"]:
        attributes["url.query"] = "REDACTED"
    span.set_attributes(attributes)


def _redacted(path: str, template: str) -> str:
    """Return the path template. A number in the path replaces the parameter in its place."""
    parts = zip(path.split("/"), template.split("/"), strict=False)
    return "/".join(part if part.isdecimal() else name for part, name in parts) or "REDACTED"


def _with_user(send: Send, span: trace.Span, scope: Scope) -> Send:
    async def send_and_describe(message: Message) -> None:
        # By now, the session is verified. FastAPI ends the span when the response is complete.
        if message["type"] == "http.response.start":
            user_id = state_of(scope).user_id
            if user_id is not None:
                span.set_attribute("user.id", str(user_id))
        await send(message)

    return send_and_describe


def _with_server_timing(send: Send, recording: Recording) -> Send:
    async def send_with_durations(message: Message) -> None:
        if message["type"] == "http.response.start" and (durations := recording.milliseconds()):
            metrics = ", ".join(
                _metric(stage, milliseconds, len(recording.durations[stage]))
                for stage, milliseconds in durations.items()
            )
            message["headers"].append((b"server-timing", metrics.encode()))
        await send(message)

    return send_with_durations


def _metric(stage: Stage, milliseconds: float, times: int) -> str:
    description = f';desc="{times}"' if times > 1 else ""
    return f"{stage};dur={milliseconds}{description}"

"""What a request goes through, for whoever looks: traces, `Server-Timing`, and the access log."""

from opentelemetry import trace
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.request_state import state_of
from app.middleware.access_log import METHODS
from app.tracing import Recording, Stage, record


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
                recording = state_of(scope).recording = Recording(spans=traced)
                record(recording)
                if self.server_timing:
                    send = _telling(send, recording)
        await self.app(scope, receive, send)


def _describe(span: trace.Span, scope: Scope) -> None:
    state = state_of(scope)
    path = state.path
    template = path.template if path is not None else ""
    # ASGI: `server` may be missing, and a Unix socket has no port.
    address, port = scope.get("server") or ("", None)
    said = {
        # FastAPI takes both from the Host header, which the client chose.
        "server.address": address,
        "server.port": port or 0,
        "roundtrip.request_id": state.request_id,
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

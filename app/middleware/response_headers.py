"""The request id, and the headers of every response."""

import random
import re
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.request_state import RequestState, begin_state

_ACCEPTABLE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_SECURITY: Final = {
    b"x-content-type-options": b"nosniff",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
}
_TRANSPORT_SECURITY: Final = b"max-age=63072000; includeSubDomains"


class ResponseHeaders:
    """Adds `X-Request-ID` and the security headers to every response.

    It also adds `response_headers` of the request state. A header that the response already has is
    not replaced, so an HTML page can have its own Content-Security-Policy.
    `Strict-Transport-Security` (RFC 6797) is sent over HTTPS only.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin the request state, pass the request on, and add the headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope))
        added = {b"x-request-id": request_id.encode(), **_SECURITY}
        if scope["scheme"] == "https":
            added[b"strict-transport-security"] = _TRANSPORT_SECURITY
        begin_state(scope, RequestState(request_id, added))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                message["headers"].extend(it for it in added.items() if it[0] not in present)
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _request_id(headers: Headers) -> str:
    sent = headers.get("x-request-id", "")
    if _ACCEPTABLE_ID.fullmatch(sent):
        return sent
    # `secrets` would make a system call for each request. A request id need not be a secret.
    return f"{random.getrandbits(128):032x}"

"""Limits the size of request bodies, chunked or not, and refuses compressed bodies.

Starlette has a middleware that limits bodies too, but its error response is always plain text.
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import ContentTooLarge, MalformedRequest, UnsupportedMediaType
from app.http.request_state import state_of


class BodyLimit:
    """Raises `ContentTooLarge` if Content-Length, or the body so far, exceeds the limit.

    Raises `UnsupportedMediaType` for a body with a content coding, such as gzip: the size of the
    decoded body is unknown before it is decoded.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a limited body."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        # The body of a GET has no meaning (RFC 9110, section 9.3.1), so its coding does not matter.
        if scope["method"] != "GET" and _is_encoded(headers):
            # Name the accepted codings (RFC 9110, section 15.5.16).
            state_of(scope).response_headers[b"accept-encoding"] = b"identity"
            raise UnsupportedMediaType("Send the body uncompressed, without a Content-Encoding.")
        self._check(_content_length(headers))
        received_bytes = 0

        async def receive_limited() -> Message:
            nonlocal received_bytes
            message = await receive()
            received_bytes += len(message.get("body", b""))
            self._check(received_bytes)
            return message

        await self.app(scope, receive_limited, send)

    def _check(self, size_bytes: int) -> None:
        if size_bytes > self.max_bytes:
            raise ContentTooLarge(f"The body must not exceed {self.max_bytes} bytes.")


def _is_encoded(headers: Headers) -> bool:
    # The header is a list (RFC 9110, section 8.4). `identity` means no coding.
    codings = ",".join(headers.getlist("content-encoding")).split(",")
    return any(coding.strip().lower() not in {"", "identity"} for coding in codings)


def _content_length(headers: Headers) -> int:
    value = headers.get("content-length", "0")
    if not (value.isascii() and value.isdigit()):
        raise MalformedRequest("Content-Length is not a number.")
    return int(value)

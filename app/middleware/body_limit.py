"""No more of a body is read than the limit allows, chunked or not, and none that is compressed.

Starlette has such a middleware too, but it answers in plain text and lets nobody else.
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import ContentTooLarge, MalformedRequest, UnsupportedMediaType
from app.http.request_state import state_of


class BodyLimit:
    """Raises `ContentTooLarge` at once for a length that is said, else when it is reached.

    A body in a content coding, such as gzip, gets `UnsupportedMediaType`: what it would grow to
    is not known before it is decoded.
    """

    def __init__(self, app: ASGIApp, size: int) -> None:
        """Take the greatest size of a body in bytes."""
        self.app = app
        self.size = size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a body that ends."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        # The body of a GET has no meaning (RFC 9110, section 9.3.1), and so has its coding.
        if scope["method"] != "GET" and _is_encoded(headers):
            # RFC 9110, section 15.5.16: which codings would do.
            state_of(scope).response_headers[b"accept-encoding"] = b"identity"
            raise UnsupportedMediaType("Send the body as it is, without a Content-Encoding.")
        self._refuse(_content_length(headers))
        received = 0

        async def receive_so_much() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            self._refuse(received)
            return message

        await self.app(scope, receive_so_much, send)

    def _refuse(self, size: int) -> None:
        if size > self.size:
            raise ContentTooLarge(f"A body has at most {self.size} bytes here.")


def _is_encoded(headers: Headers) -> bool:
    # RFC 9110, section 8.4. The header is a list; `identity` stands for no coding at all.
    codings = ",".join(headers.getlist("content-encoding")).split(",")
    return any(coding.strip().lower() not in {"", "identity"} for coding in codings)


def _content_length(headers: Headers) -> int:
    value = headers.get("content-length", "0")
    if not (value.isascii() and value.isdigit()):
        raise MalformedRequest("Content-Length is not a number.")
    return int(value)

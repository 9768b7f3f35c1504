"""No more of a body is read than the limit allows, chunked or not.

Starlette has such a middleware too, but it answers in plain text and lets nobody else.
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import ContentTooLarge, MalformedRequest


class BodyLimit:
    """Raises `ContentTooLarge` at once for a length that is said, else when it is reached."""

    def __init__(self, app: ASGIApp, size: int) -> None:
        """Take the greatest size of a body in bytes."""
        self.app = app
        self.size = size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a body that ends."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        self._refuse(_content_length(Headers(scope=scope)))
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


def _content_length(headers: Headers) -> int:
    value = headers.get("content-length", "0")
    if not (value.isascii() and value.isdigit()):
        raise MalformedRequest("Content-Length is not a number.")
    return int(value)

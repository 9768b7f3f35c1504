"""There is an end to every request."""

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import DeadlineExceeded, RequestTimeout

_GRACE_SECONDS: Final = 0.2
"""For what a cancelled write does at its end: it tells Redis that cached reads may be stale. A
client that reads after its 503 then sees the write."""


class Deadline:
    """Gives up on a request after `seconds`.

    The work is cancelled, and the client is answered 0.2 s later at the latest, whether it has
    ended or not: a query on a frozen Postgres takes its driver ten more seconds to let go of.
    A client that has not sent its whole body by then gets `RequestTimeout` (RFC 9110, section
    15.5.9), any other `DeadlineExceeded`.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app = app
        self.seconds = seconds
        self._given_up: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, for so long."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        attempt = _Attempt(receive, send)
        task = asyncio.create_task(self._run(scope, attempt))
        try:
            await asyncio.wait({task}, timeout=self.seconds)
        finally:
            if not task.done():
                attempt.abandoned = True
                task.cancel()
                self._given_up.add(task)
                task.add_done_callback(self._forget)
        if attempt.abandoned:
            await asyncio.wait({task}, timeout=_GRACE_SECONDS)
            raise DeadlineExceeded if attempt.body_complete else RequestTimeout
        await task

    async def _run(self, scope: Scope, attempt: "_Attempt") -> None:
        await self.app(scope, attempt.receive, attempt.send)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._given_up.discard(task)
        if not task.cancelled():
            # Whatever came of it in the end, nobody is waiting for it any more.
            task.exception()


class _Attempt:
    """The two ends of a request, as long as somebody is waiting for it."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.body_complete = True
        self.abandoned = False

    async def receive(self) -> Message:
        self.body_complete = False
        message = await self._receive()
        self.body_complete = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if not self.abandoned:
            await self._send(message)

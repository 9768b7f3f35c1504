"""Cancels requests that take too long."""

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import DeadlineExceeded, RequestTimeout
from app.task_outcomes import ignore_outcome

_GRACE_SECONDS: Final = 0.2
"""How long to wait after the cancellation. In this time, a write that took effect can invalidate
the cache. So a client that reads again after its 503 sees the write."""


class Deadline:
    """Cancels a request after `seconds`.

    Raises `RequestTimeout` (RFC 9110, section 15.5.9) if the client has not sent its whole body
    by then, otherwise `DeadlineExceeded`. The error is raised at most 0.2 s after the cancellation,
    even if the cancelled task is still running. If PostgreSQL is frozen, for example, the driver
    takes ten more seconds to cancel a query.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app = app
        self.seconds = seconds
        self._abandoned: set[asyncio.Task[None]] = set()
        """Keeps cancelled tasks until they end: asyncio has only weak references to tasks."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and cancel it at the deadline."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        channels = _Channels(receive, send)
        task = asyncio.create_task(self._run(scope, channels))
        try:
            await asyncio.wait({task}, timeout=self.seconds)
        finally:
            if not task.done():
                channels.abandoned = True
                task.cancel()
                self._abandoned.add(task)
                task.add_done_callback(self._forget)
        if channels.abandoned:
            await asyncio.wait({task}, timeout=_GRACE_SECONDS)
            raise DeadlineExceeded if channels.body_complete else RequestTimeout
        await task

    async def _run(self, scope: Scope, channels: "_Channels") -> None:
        await self.app(scope, channels.receive, channels.send)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._abandoned.discard(task)
        # The client gets the error of the deadline, not the outcome of the task.
        ignore_outcome(task)


class _Channels:
    """The ASGI channels of a request. After `abandoned` is set, `send` does nothing."""

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

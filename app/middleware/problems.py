"""Turns exceptions into problem documents."""

from collections.abc import Callable

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import AppError, InternalError
from app.http.request_state import state_of

_log = structlog.get_logger()


class Problems:
    """Turns exceptions into responses. An unexpected exception is logged, and becomes a 500."""

    def __init__(self, app: ASGIApp, respond: Callable[[str, AppError], Response]) -> None:
        """`respond` turns a request id and an error into a response."""
        self.app = app
        self.respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on. If that raises an exception, answer with a problem document."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        response_started = False

        async def send_and_mark(message: Message) -> None:
            nonlocal response_started
            response_started = True
            await send(message)

        try:
            await self.app(scope, receive, send_and_mark)
        except ClientDisconnect:
            # The client has closed the connection, so it gets no response. The access log has 499.
            return
        except Exception as error:
            problem = error if isinstance(error, AppError) else InternalError()
            if isinstance(problem, InternalError):
                _log.exception("unexpected_error")
            if response_started:
                # A part of the response has been sent. Raise, so that the server closes the
                # connection: only this shows the client that the response is incomplete.
                raise
            response = self.respond(state_of(scope).request_id, problem)
            await response(scope, receive, send)

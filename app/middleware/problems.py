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
    """Turns exceptions into responses. An unexpected one is logged, and answered with 500."""

    def __init__(self, app: ASGIApp, respond: Callable[[str, AppError], Response]) -> None:
        """`respond` renders an error for a request id."""
        self.app = app
        self.respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and answer with a problem document if that fails."""
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
            # The client has closed the connection. The access log has 499.
            return
        except Exception as error:
            problem = error if isinstance(error, AppError) else InternalError()
            if isinstance(problem, InternalError):
                _log.exception("unexpected_error")
            if response_started:
                # Part of a response has been sent. The server closes the connection, which is the
                # only way to show the client that the response is incomplete.
                raise
            response = self.respond(state_of(scope).request_id, problem)
            await response(scope, receive, send)

"""Whatever goes wrong further in, the client gets a problem document."""

from collections.abc import Callable

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import AppError, InternalError
from app.http.request_state import state_of

_log = structlog.get_logger()


class Problems:
    """Turns exceptions into responses; what nobody expected is logged and becomes a 500."""

    def __init__(self, app: ASGIApp, respond: Callable[[str, AppError], Response]) -> None:
        """Take the function that renders an error for a request id."""
        self.app = app
        self.respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and answer for it if nobody else does."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except ClientDisconnect:
            # Nobody is left to answer; the access log has it as 499.
            return
        except Exception as error:
            problem = error if isinstance(error, AppError) else InternalError()
            if isinstance(problem, InternalError):
                _log.exception("unexpected_error")
            if started:
                # Half a response is out; only cutting the connection tells the client so.
                raise
            response = self.respond(state_of(scope).request_id, problem)
            await response(scope, receive, send)

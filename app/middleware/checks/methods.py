"""Answers OPTIONS, turns HEAD into GET, and refuses unknown paths and methods."""

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import MethodNotAllowed, NotFound
from app.http.paths import Routes
from app.http.request_state import state_of


class Methods:
    """Answers OPTIONS, and turns HEAD into GET without a response body.

    Raises `NotFound` if no path template matches, and `MethodNotAllowed` if the path does not have
    the method.
    """

    def __init__(self, app: ASGIApp, routes: Routes) -> None:
        self.app = app
        self.routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its path exists and has this method."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = state_of(scope).path
        if path is None:
            raise NotFound(self.routes.advice(scope["path"]))
        if scope["method"] == "OPTIONS":
            response = Response(status_code=204, headers={"Allow": ", ".join(path.allow)})
            await response(scope, receive, send)
        elif scope["method"] not in path.allow:
            raise MethodNotAllowed(path.allow)
        elif scope["method"] == "HEAD":
            await self.app({**scope, "method": "GET"}, receive, _without_body(send))
        else:
            await self.app(scope, receive, send)


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_head

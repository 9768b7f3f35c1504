"""Finds the path template of a request, which the other middleware needs."""

import re
from typing import Final
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.paths import Routes
from app.http.request_state import state_of

_ENCODED_SLASH: Final = re.compile(rb"%2F", re.IGNORECASE)


class Routing:
    """Sets `path` of the request state to the path template that matches, or to None."""

    def __init__(self, app: ASGIApp, routes: Routes) -> None:
        self.app = app
        self.routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http":
            if b"%" in (scope.get("raw_path") or b""):
                scope = {**scope, "path": _decoded(scope["raw_path"])}
            state_of(scope).path = self.routes.find(scope["path"])
        await self.app(scope, receive, send)


def _decoded(raw_path: bytes) -> str:
    # An encoded slash is part of a segment, not a separator (RFC 3986, section 2.2). The server
    # decodes it like any other character. So decode the raw path again, and keep `%2F` encoded.
    return unquote(_ENCODED_SLASH.sub(b"%252F", raw_path).decode("latin-1"))

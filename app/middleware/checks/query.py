"""Refuses unknown and repeated query parameters."""

from itertools import islice
from typing import Final, cast

from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import Invalid
from app.http.paths import Path
from app.http.request_state import state_of

_MAX_ERRORS: Final = 50
"""The maximum number of errors in one response. A query can contain thousands of errors."""


class Query:
    """Raises `Invalid` for an unknown query parameter, and for a repeated one that is not a list.

    If the service ignored a misspelled `limit`, the client would believe that the limit had an
    effect. For the same reason, the service refuses unknown and repeated fields of a body.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its query is valid."""
        if scope["type"] == "http" and scope["query_string"]:
            # The route exists: `Methods` has refused unknown paths and methods.
            route = cast(Path, state_of(scope).path).routes[scope["method"]]
            errors = list(islice(route.query.errors(scope["query_string"]), _MAX_ERRORS))
            if errors:
                raise Invalid(*errors)
        await self.app(scope, receive, send)

"""A query has the parameters of its route, each of them once, and no others."""

from itertools import islice
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import Invalid
from app.http.paths import QueryParameters
from app.http.request_state import state_of

_MOST_ERRORS: Final = 50
"""A query can break the rule thousands of times; more errors than these help nobody."""


class Query:
    """Refuses an unknown or repeated query parameter, as bodies refuse such fields.

    A misspelled `limit` that is ignored would look like one that is obeyed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its route has these parameters."""
        if scope["type"] == "http" and scope["query_string"]:
            path = state_of(scope).path
            # `Methods` has refused all other paths and methods.
            parameters = path.queries[scope["method"]] if path else QueryParameters()
            errors = list(islice(parameters.errors(scope["query_string"]), _MOST_ERRORS))
            if errors:
                raise Invalid(*errors)
        await self.app(scope, receive, send)

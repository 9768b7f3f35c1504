"""Whose access token came along."""

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.adapters.tokens import Claims
from app.errors import InvalidToken, Unauthenticated


class Identity:
    """Reads the bearer token (RFC 6750, section 2.1) and leaves its claims in `state`.

    `state["claims"]` is None without a good token, and `state["refusal"]` then says why.
    Nothing is refused here: many routes are for everybody, and the rate limit counts
    those by address who have no name.
    """

    def __init__(self, app: ASGIApp, read_token: Callable[[str], Claims]) -> None:
        self.app = app
        self.read_token = read_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, knowing who asks."""
        if scope["type"] == "http":
            self._identify(scope)
        await self.app(scope, receive, send)

    def _identify(self, scope: Scope) -> None:
        state = scope["state"]
        state["claims"], state["refusal"] = None, Unauthenticated()
        credentials = Headers(scope=scope).getlist("authorization")
        scheme, _, token = credentials[0].partition(" ") if credentials else ("", "", "")
        if scheme.lower() != "bearer":
            return
        if len(credentials) > 1:
            state["refusal"] = InvalidToken()
            return
        try:
            state["claims"] = self.read_token(token.strip())
        except InvalidToken as refusal:
            state["refusal"] = refusal

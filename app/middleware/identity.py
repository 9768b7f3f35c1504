"""Whose access token came along, or which session cookie."""

from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from app.adapters.tokens import Claims
from app.errors import InvalidToken, Unauthenticated
from app.schemas.auth import SESSION_COOKIE


class Identity:
    """Reads the bearer token (RFC 6750, section 2.1) and leaves its claims in `state`.

    `state["claims"]` is None without a good token, and `state["refusal"]` then says why.
    Without any token, `state["session_cookie"]` has the cookie of a browser's session, if it
    sent one. Whether the session of either is live is not known here, so `state["user_id"]` is
    None. Nothing is refused: many routes are for everybody.
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
        state, headers = scope["state"], Headers(scope=scope)
        state.update(claims=None, refusal=Unauthenticated(), session_cookie=None, user_id=None)
        credentials = headers.getlist("authorization")
        scheme, _, token = credentials[0].partition(" ") if credentials else ("", "", "")
        if scheme.lower() != "bearer":
            cookies = cookie_parser(headers.get("cookie", ""))
            state["session_cookie"] = cookies.get(SESSION_COOKIE)
        elif len(credentials) > 1:
            state["refusal"] = InvalidToken()
        else:
            self._read(token.strip(), state)

    def _read(self, token: str, state: dict[str, Any]) -> None:
        try:
            state["claims"] = self.read_token(token)
        except InvalidToken as refusal:
            state["refusal"] = refusal

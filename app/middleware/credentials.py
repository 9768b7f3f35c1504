"""Reads the access token or the session cookie of a request."""

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from app.adapters.tokens import Claims
from app.errors import InvalidToken
from app.http.cookies import SESSION_COOKIE
from app.http.request_state import RequestState, state_of


class Credentials:
    """Sets `claims` of the request state from the bearer token (RFC 6750, section 2.1).

    Without a token, it sets `session_cookie` if the request has a session cookie. It does not
    check whether the session is live. It refuses no request, because many routes need no user.
    """

    def __init__(self, app: ASGIApp, read_token: Callable[[str], Claims]) -> None:
        self.app = app
        self.read_token = read_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http":
            self._identify(Headers(scope=scope), state_of(scope))
        await self.app(scope, receive, send)

    def _identify(self, headers: Headers, state: RequestState) -> None:
        credentials = headers.getlist("authorization")
        scheme, _, token = credentials[0].partition(" ") if credentials else ("", "", "")
        if scheme.lower() != "bearer":
            cookies = cookie_parser(headers.get("cookie", ""))
            state.session_cookie = cookies.get(SESSION_COOKIE)
        elif len(credentials) > 1:
            state.refusal = InvalidToken
        else:
            self._read(token.strip(), state)

    def _read(self, token: str, state: RequestState) -> None:
        try:
            state.claims = self.read_token(token)
        except InvalidToken:
            state.refusal = InvalidToken

"""What pages of other origins may do: nothing, unless their origin is listed (Fetch, CORS).

Starlette has such a middleware too, but it tells origins that are not listed what is allowed, and
answers in plain text.
"""

from collections.abc import Collection
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.paths import Path
from app.http.request_state import state_of

_REQUEST_HEADERS: Final = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match"
_READABLE: Final = (
    b"ETag, Idempotency-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After, "
    b"X-Cache, X-Request-ID"
)
_MAX_AGE_SECONDS: Final = "600"
"""How long a browser may remember what a preflight was told."""


class Cors:
    """Lets browsers hand responses to pages of the listed origins, and answers their preflights.

    A preflight is answered before it is counted by the rate limit: it is a browser's question,
    not a client's. Cookies are never allowed: nothing here sends
    `Access-Control-Allow-Credentials`. A request from any other origin is answered as if there
    was no such middleware.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        """Take origins as browsers write them, such as `https://app.example.com`."""
        self.app = app
        self.origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on unless it is a preflight."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            state = state_of(scope)
            added = state.response_headers
            # To caches: what one origin got is not for another, nor for a client without any.
            added[b"vary"] = b"Origin"
            origins = headers.getlist("origin")
            if len(origins) == 1 and origins[0] in self.origins:
                added[b"access-control-allow-origin"] = origins[0].encode("latin-1")
                # A path that does not exist gets its 404 from a later middleware.
                if state.path is not None and _is_preflight(scope, headers):
                    await _permission(state.path)(scope, receive, send)
                    return
                added[b"access-control-expose-headers"] = _READABLE
        await self.app(scope, receive, send)


def _is_preflight(scope: Scope, headers: Headers) -> bool:
    return scope["method"] == "OPTIONS" and "access-control-request-method" in headers


def _permission(path: Path) -> Response:
    methods = ", ".join(path.allow)
    return Response(
        status_code=204,
        headers={
            "Allow": methods,
            "Access-Control-Allow-Methods": methods,
            "Access-Control-Allow-Headers": _REQUEST_HEADERS,
            "Access-Control-Max-Age": _MAX_AGE_SECONDS,
        },
    )

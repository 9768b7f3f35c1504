"""Cross-origin resource sharing (WHATWG Fetch): allowed for listed origins only.

Starlette's CORS middleware sends CORS headers to origins that are not listed, and its error
responses are plain text.
"""

from collections.abc import Collection
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.paths import Path
from app.http.request_state import state_of

_REQUEST_HEADERS: Final = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match"
_EXPOSED_HEADERS: Final = (
    b"ETag, Idempotency-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After, "
    b"X-Cache, X-Request-ID"
)
_MAX_AGE_SECONDS: Final = "600"
"""How long a browser may cache the response to a preflight."""


class Cors:
    """Lets pages of the listed origins read responses, and answers their preflights.

    Preflights do not count towards a rate limit, because the browser sends them, not the code of
    the page. Cookies are never allowed: `Access-Control-Allow-Credentials` is never sent. Requests
    from other origins get no CORS headers.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        """`origins` are as browsers write them, such as `https://app.example.com`."""
        self.app = app
        self.origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight of a listed origin; pass any other request on."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            state = state_of(scope)
            added = state.response_headers
            # A cache must not reuse this response for a request with another Origin or without one.
            added[b"vary"] = b"Origin"
            origins = headers.getlist("origin")
            if len(origins) == 1 and origins[0] in self.origins:
                added[b"access-control-allow-origin"] = origins[0].encode("latin-1")
                # For a path that does not exist, `Methods` answers 404.
                if state.path is not None and _is_preflight(scope, headers):
                    await _preflight_response(state.path)(scope, receive, send)
                    return
                added[b"access-control-expose-headers"] = _EXPOSED_HEADERS
        await self.app(scope, receive, send)


def _is_preflight(scope: Scope, headers: Headers) -> bool:
    return scope["method"] == "OPTIONS" and "access-control-request-method" in headers


def _preflight_response(path: Path) -> Response:
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

"""Protects session cookies, which browsers send automatically, from cross-site request forgery."""

from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import CrossSite
from app.http.paths import SAFE_METHODS
from app.http.request_state import state_of
from app.settings.origins import DEFAULT_PORTS

_SESSION_PATH: Final = "/api/auth/session"


class SameOrigin:
    """Raises `CrossSite` if another site may have made the browser send the request.

    A request with a session cookie and an unsafe method (RFC 9110, section 9.2.1) must show that it
    comes from this site. Browsers show this by Sec-Fetch-Site (W3C Fetch Metadata), which no page
    can set. Older browsers show it by Origin (RFC 6454, section 7). Requests with a bearer token
    are exempt, because no browser adds the token automatically.

    A sign-in that creates a cookie session usually has no cookie yet, and programs other than
    browsers send neither Sec-Fetch-Site nor Origin. So a sign-in is refused only if it has one of
    these headers, and if this header does not name this site. Without this check, another site
    could sign the browser in to the attacker's account.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request that another site may have forged, and pass all others on."""
        if (
            scope["type"] == "http"
            and scope["method"] not in SAFE_METHODS
            and _may_be_forged(scope)
        ):
            raise CrossSite
        await self.app(scope, receive, send)


def _may_be_forged(scope: Scope) -> bool:
    state = state_of(scope)
    if state.session_cookie is not None:
        return not _is_same_origin(scope)
    if state.path is None or state.path.template != _SESSION_PATH:
        return False
    headers = Headers(scope=scope)
    return ("sec-fetch-site" in headers or "origin" in headers) and not _is_same_origin(scope)


def _is_same_origin(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    sites, origins = headers.getlist("sec-fetch-site"), headers.getlist("origin")
    if sites:
        # `none` means that the user typed the address. No page can make a browser send `none`.
        return len(sites) == 1 and sites[0] in {"same-origin", "none"}
    return len(origins) == 1 and origins[0].lower() == _origin(scope, headers["host"])


def _origin(scope: Scope, host: str) -> str:
    # Browsers omit the scheme's default port in Origin, but Host may contain it. If a proxy reports
    # the scheme `ws` or `wss`, no Origin matches: the origin of a page never has that scheme.
    port = DEFAULT_PORTS.get(scope["scheme"], "")
    return f"{scope['scheme']}://{host.lower().removesuffix(port)}"

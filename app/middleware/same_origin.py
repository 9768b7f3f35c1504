"""With a session cookie, which browsers send by themselves, only our own pages change things."""

from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import CrossSite
from app.http.request_state import state_of

_SESSIONS: Final = "/api/auth/session"
_SAFE: Final = {"GET", "HEAD", "OPTIONS"}
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


class SameOrigin:
    """Refuses what another site may have made a browser send (cross-site request forgery).

    A request with a cookie and an unsafe method (RFC 9110, section 9.2.1) has to show where
    it comes from: by Sec-Fetch-Site (W3C Fetch Metadata), which no page can forge, or, from
    older browsers, by Origin (RFC 6454, section 7). Bearer tokens are exempt: no browser adds
    them by itself.

    A request that starts a cookie session has no cookie yet, and comes from programs too. It is
    refused if it shows that another site has sent it: that site would sign the browser in to an
    account of its own.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on unless it may be forged."""
        if scope["type"] == "http" and scope["method"] not in _SAFE and _may_be_forged(scope):
            raise CrossSite
        await self.app(scope, receive, send)


def _may_be_forged(scope: Scope) -> bool:
    state = state_of(scope)
    if state.session_cookie is not None:
        return not _is_from_here(scope)
    if state.path is None or state.path.template != _SESSIONS:
        return False
    headers = Headers(scope=scope)
    return ("sec-fetch-site" in headers or "origin" in headers) and not _is_from_here(scope)


def _is_from_here(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    sites, origins = headers.getlist("sec-fetch-site"), headers.getlist("origin")
    if sites:
        # `none` is a person at the address bar; no page sends that.
        return len(sites) == 1 and sites[0] in {"same-origin", "none"}
    return len(origins) == 1 and origins[0].lower() == _origin(scope, headers["host"])


def _origin(scope: Scope, host: str) -> str:
    # Browsers leave out the port that belongs to the scheme, in Host as in Origin.
    # A proxy may also say `ws` or `wss`, which no page's origin has: nothing equals that.
    port = _DEFAULT_PORTS.get(scope["scheme"], "")
    return f"{scope['scheme']}://{host.lower().removesuffix(port)}"

"""Middleware that accepts only the allowed hosts, and adds security headers to every response."""

from collections.abc import Collection
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lab.collector.problems import problem_response

# The page can load files only from its own origin, and inline scripts are forbidden. A trace can
# contain text from any sender. So Trusted Types keep the page's scripts from making markup of text.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    # A trace can change at any time, so no response is cached.
    "Cache-Control": "no-store",
}


class SecurityMiddleware:
    """Serves only requests for the allowed hosts, and adds security headers.

    The check of the host prevents DNS rebinding. In this attack, a foreign site changes the address
    of its host name to the address of this machine, so that its page can read responses from here.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Collection[str]) -> None:
        self.app = app
        self._allowed = frozenset(allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its host is allowed; otherwise respond with 400."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        app = self.app if self._is_allowed(scope) else _refuse
        await app(scope, receive, send_with_headers)

    def _is_allowed(self, scope: Scope) -> bool:
        host = Headers(scope=scope).get("host", "").lower()
        name, colon, port = host.rpartition(":")
        return (name if colon and port.isdigit() else host) in self._allowed


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    response = problem_response(
        Request(scope), 400, "This host name is not allowed. Use localhost."
    )
    await response(scope, receive, send)

"""What every request meets first, and every response is given."""

from collections.abc import Collection
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lab.collector.problems import problem_response

# Everything comes from here: no script in the page, no style, no picture from elsewhere. No text
# ever becomes markup (Trusted Types), as a trace may hold whatever a stranger has sent.
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
    # Whatever is shown is of this moment.
    "Cache-Control": "no-store",
}


class Door:
    """Serves only requests for this machine's own names, and adds the headers of a safe page.

    A page elsewhere whose name suddenly leads to this machine (DNS rebinding) reads nothing.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Collection[str]) -> None:
        self.app = app
        self._allowed = frozenset(allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if it is meant for this machine."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        app = self.app if self._is_meant(scope) else _refuse
        await app(scope, receive, send_with_headers)

    def _is_meant(self, scope: Scope) -> bool:
        host = Headers(scope=scope).get("host", "").lower()
        name, colon, port = host.rpartition(":")
        return (name if colon and port.isdigit() else host) in self._allowed


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    response = problem_response(
        Request(scope), 400, "Nothing of that name is here. Ask for localhost."
    )
    await response(scope, receive, send)

"""Accepts only requests for this service's hosts (RFC 9112, section 3.2)."""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import MalformedHost
from app.http.paths import is_direct_health_check


class Host:
    """Raises `MalformedHost` if Host is missing, is sent twice, or names another service.

    A health check or a read of the metrics may have any host if it comes directly to the process.
    An orchestrator, for example, names the address of the process in Host.
    """

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        """Give host names without ports in `allowed`. The name `*` allows every host."""
        self.app = app
        self.allowed = frozenset(name.lower() for name in allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its host is allowed."""
        if scope["type"] == "http":
            hosts = Headers(scope=scope).getlist("host")
            if len(hosts) != 1 or not hosts[0]:
                raise MalformedHost
            if not (self._is_allowed(hosts[0]) or is_direct_health_check(scope)):
                raise MalformedHost("This service is not available under this host name.")
        await self.app(scope, receive, send)

    def _is_allowed(self, host: str) -> bool:
        return "*" in self.allowed or _name(host) in self.allowed


def _name(host: str) -> str:
    # A port follows the last colon, but an IPv6 address in brackets contains colons too.
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()

"""Serves the service below a path of its host, such as https://example.com/shop."""

import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Matches where a path of the service begins in Location, or after < in Link. Other paths, such as
# the `return_to` of a sign-in, may belong to another service of the same host, and stay unchanged.
_OWN_PATH: Final = re.compile(rb"(^|<)(?=/api/|/docs$)")
_HEADERS: Final = {b"location", b"link"}
# Metrics are for operators, who call each process directly. A path with ROOT_PATH comes from a
# client, so it does not lead to the metrics.
_METRICS: Final = "/metrics"


class RootPath:
    """Removes ROOT_PATH from the request's path, and adds it to the paths in response headers.

    The proxy may remove ROOT_PATH itself, so a request without ROOT_PATH is passed on unchanged.
    All other middleware and the routes handle paths without ROOT_PATH.
    """

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self.app = app
        self.root_path = root_path.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_root_path(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [self._add_to(*header) for header in message["headers"]]
            await send(message)

        await self.app(self._remove_from(scope), receive, send_with_root_path)

    def _remove_from(self, scope: Scope) -> Scope:
        root_path, raw_path = self.root_path, scope.get("raw_path") or scope["path"].encode()
        if raw_path != root_path and not raw_path.startswith(root_path + b"/"):
            return scope
        length = len(root_path)
        path = scope["path"][length:] or "/"
        if path == _METRICS:
            return scope
        return {**scope, "path": path, "raw_path": raw_path[length:] or b"/"}

    def _add_to(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        if name in _HEADERS:
            value = _OWN_PATH.sub(rb"\g<1>" + self.root_path, value)
        return name, value

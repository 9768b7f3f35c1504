"""Sends one HTTP request on a connection of its own. No proxy is used, and no redirect followed."""

import json
import ssl
from collections.abc import Mapping
from email.message import Message
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Response(NamedTuple):
    """A response, with its whole body."""

    status: int
    headers: Message
    body: bytes

    def __repr__(self) -> str:
        """Return the status only: a failed assertion prints this, and the body may have tokens."""
        return f"<Response {self.status}>"

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:  # noqa: ANN401 - a body may have any content.
        """Return the parsed body.

        :raises ValueError: when the body is not JSON.
        """
        return json.loads(self.body)


def send(  # noqa: PLR0913 - the parts of a request.
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] = MappingProxyType({}),
    body: bytes | str | None = None,
    tls: ssl.SSLContext | None = None,
    timeout_s: float = 10.0,
) -> Response:
    """Send a request, and return the response. `tls` is the context for an https URL.

    :raises OSError: when no response arrives, or it is not HTTP. Each step has the timeout.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        connection: HTTPConnection = HTTPSConnection(host, port, timeout=timeout_s, context=tls)
    else:
        connection = HTTPConnection(host, port, timeout=timeout_s)
    query = f"?{parts.query}" if parts.query else ""
    try:
        content = body.encode() if isinstance(body, str) else body
        connection.request(method, f"{parts.path or '/'}{query}", content, dict(headers))
        response = connection.getresponse()
        return Response(response.status, response.headers, response.read())
    except HTTPException as error:
        raise ConnectionError(f"no valid response: {error!r}") from error
    finally:
        connection.close()

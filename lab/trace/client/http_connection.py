"""Sends requests on a connection, by HTTP/1.1, with the library h11.

`send`, `wait` and `receive` are a stage each. The client uses no proxy, follows no redirect, and
does not request compression.
"""

import socket
from dataclasses import dataclass

import h11

from lab.trace.client.failures import ConnectionBroken, UsageError
from lab.trace.client.measuring import Deadline, StageTimer

_CHUNK_BYTES = 65536

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Request:
    """A request with all its headers, including Host and Content-Length."""

    method: str
    target: str
    headers: Headers
    body: bytes


@dataclass(frozen=True)
class Response:
    """A response. Headers keep their order and their upper and lower case."""

    version: str
    status: int
    reason: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the values of a header, separated by commas. None if the header is absent."""
        values = [value for given, value in self.headers if given.lower() == name.lower()]
        return ", ".join(values) if values else None


class Connection:
    """One connection to a server."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._http = h11.Connection(h11.CLIENT)

    @property
    def reusable(self) -> bool:
        """Whether the next request may use this connection (RFC 9112, section 9.3)."""
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    def exchange(self, request: Request, timer: StageTimer, deadline: Deadline) -> Response:
        """Send the request and read the whole response.

        :raises NetworkFailure: with a message for the user.
        :raises UsageError: when headers contradict one another, or a header contradicts the body.
        """
        if self._http.our_state is h11.DONE:
            self._http.start_next_cycle()
        try:
            self._send(request, timer, deadline)
            with timer.stage("wait"):
                self._receive_bytes(deadline)
            with timer.stage("receive") as attributes:
                response = self._response(deadline)
                attributes["http.response.body.size"] = len(response.body)
                return response
        except TimeoutError as error:
            raise deadline.exceeded() from error
        except h11.LocalProtocolError as error:
            raise UsageError(f"The arguments do not make a valid request: {error}.") from error
        except (OSError, h11.ProtocolError) as error:
            raise ConnectionBroken(
                f"The connection broke, or the response is not HTTP/1.1: {error}."
            ) from error

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _send(self, request: Request, timer: StageTimer, deadline: Deadline) -> None:
        with timer.stage("send") as attributes:
            attributes["http.request.body.size"] = len(request.body)
            events: list[h11.Event] = [
                h11.Request(
                    method=request.method,
                    target=request.target,
                    headers=[(name.encode(), value.encode()) for name, value in request.headers],
                ),
                h11.Data(data=request.body),
                h11.EndOfMessage(),
            ]
            self._socket.settimeout(deadline.remaining())
            self._socket.sendall(b"".join(self._http.send(event) or b"" for event in events))

    def _receive_bytes(self, deadline: Deadline) -> None:
        """Wait for bytes and pass them to h11. Empty bytes mean that the connection is closed."""
        self._socket.settimeout(deadline.remaining())
        self._http.receive_data(self._socket.recv(_CHUNK_BYTES))

    def _response(self, deadline: Deadline) -> Response:
        head: h11.Response | None = None
        body: list[bytes] = []
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._receive_bytes(deadline)
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body.append(bytes(event.data))
            elif not isinstance(event, h11.InformationalResponse):
                break
        if head is None:
            raise ConnectionError("it ended before a response arrived")
        return Response(
            version=head.http_version.decode(),
            status=head.status_code,
            reason=head.reason.decode("latin-1"),
            headers=[(k.decode(), v.decode("latin-1")) for k, v in head.headers.raw_items()],
            body=b"".join(body),
        )

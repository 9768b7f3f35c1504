"""A connection, and the requests on it: sockets and TLS by hand, HTTP/1.1 by h11.

Each step is a stage of its own. Proxies are not asked, redirects are not followed, and nothing is
asked to be compressed.
"""

import socket
import ssl
from dataclasses import dataclass

import h11

from lab.trace.connecting import connect
from lab.trace.failures import Broken, UsageError
from lab.trace.measuring import Deadline, Measured
from lab.trace.target import Target

_CHUNK = 65536

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Request:
    """What is sent, Host and Content-Length included."""

    method: str
    target: str
    headers: Headers
    body: bytes = b""


@dataclass(frozen=True)
class Response:
    """What came back, headers in the order and the letters in which they came."""

    version: str
    status: int
    reason: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the values of a header, with commas between them; None if it is not there."""
        values = [value for given, value in self.headers if given.lower() == name.lower()]
        return ", ".join(values) if values else None


class Line:
    """One connection to a server."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._http = h11.Connection(h11.CLIENT)

    @classmethod
    def open(
        cls, target: Target, trust: ssl.SSLContext | None, measured: Measured, deadline: Deadline
    ) -> "Line":
        """Look the name up, connect, and shake hands.

        :raises NetworkFailure: with a sentence for a person.
        """
        return cls(connect(target, trust, measured, deadline))

    @property
    def reusable(self) -> bool:
        """Whether the next request may go the same way (RFC 9112, section 9.3)."""
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    def exchange(self, request: Request, measured: Measured, deadline: Deadline) -> Response:
        """Send the request and read the response to its end.

        :raises NetworkFailure: with a sentence for a person.
        :raises UsageError: when the headers contradict one another or the body.
        """
        if self._http.our_state is h11.DONE:
            self._http.start_next_cycle()
        try:
            self._send(request, measured, deadline)
            with measured.stage("wait"):
                self._feed(deadline)
            with measured.stage("receive") as about:
                response = self._response(deadline)
                about["http.response.body.size"] = len(response.body)
                return response
        except TimeoutError as error:
            raise deadline.missed() from error
        except h11.LocalProtocolError as error:
            raise UsageError(f"That makes no HTTP/1.1 request: {error}.") from error
        except (OSError, h11.ProtocolError) as error:
            raise Broken(f"The connection broke, or what came is no HTTP/1.1: {error}.") from error

    def close(self) -> None:
        """End it."""
        self._socket.close()

    def _send(self, request: Request, measured: Measured, deadline: Deadline) -> None:
        with measured.stage("send") as about:
            about["http.request.body.size"] = len(request.body)
            events: list[h11.Event] = [
                h11.Request(
                    method=request.method, target=request.target, headers=_encoded(request.headers)
                ),
                h11.Data(data=request.body),
                h11.EndOfMessage(),
            ]
            self._socket.settimeout(deadline.remaining())
            self._socket.sendall(b"".join(self._http.send(event) or b"" for event in events))

    def _feed(self, deadline: Deadline) -> None:
        """Wait for bytes, and give them to h11; an end of the connection is given on as well."""
        self._socket.settimeout(deadline.remaining())
        self._http.receive_data(self._socket.recv(_CHUNK))

    def _response(self, deadline: Deadline) -> Response:
        head: h11.Response | None = None
        body: list[bytes] = []
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._feed(deadline)
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body.append(bytes(event.data))
            elif not isinstance(event, h11.InformationalResponse):
                break
        if head is None:
            raise ConnectionError("it ended before an answer came")
        return Response(
            version=head.http_version.decode(),
            status=head.status_code,
            reason=head.reason.decode("latin-1"),
            headers=[(k.decode(), v.decode("latin-1")) for k, v in head.headers.raw_items()],
            body=b"".join(body),
        )


def _encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers]

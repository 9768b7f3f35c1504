"""Sends one request, or the same request several times on one connection."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from lab.trace.client.connecting import connect
from lab.trace.client.http_connection import Connection, Headers, Request, Response
from lab.trace.client.items import Items
from lab.trace.client.measuring import Deadline, StageTimer
from lab.trace.client.spans import ClientSpan, Context, client_spans
from lab.trace.client.target import Target


@dataclass(frozen=True)
class RequestSpec:
    """A request that can be sent several times, without the headers that differ each time."""

    method: str
    target: Target
    headers: Mapping[str, str]
    body: tuple[bytes, str] | None

    @classmethod
    def of(cls, method: str | None, target: Target, items: Items) -> "RequestSpec":
        """Build the specification. The default method is GET, or POST if there is a body."""
        body = items.body()
        return cls(method or ("POST" if body else "GET"), target, items.headers, body)

    def new_request(self) -> tuple[Context, Request]:
        """Return a request with a new request id, and the trace context of this request."""
        given = {name.lower(): value for name, value in self.headers.items()}
        context = Context.new(given.get("traceparent"))
        headers = [*self._defaults(context), *self.headers.items()]
        chosen = [
            (name, value)
            for number, (name, value) in enumerate(headers)
            # An empty value removes the header. If a name occurs twice, the last header counts.
            if value and name.lower() not in {later.lower() for later, _ in headers[number + 1 :]}
        ]
        content = self.body[0] if self.body else b""
        return context, Request(self.method, self.target.request_target, chosen, content)

    def _defaults(self, context: Context) -> Headers:
        headers = [
            ("Host", self.target.authority),
            ("User-Agent", "roundtrip-lab"),
            ("Accept", "*/*"),
            ("X-Request-ID", secrets.token_hex(16)),
            ("traceparent", context.traceparent),
            # This value exempts the request from the service's trace limit.
            ("tracestate", "roundtrip=always"),
        ]
        if self.body is not None:
            content, media_type = self.body
            headers += [("Content-Type", media_type), ("Content-Length", str(len(content)))]
        return headers


@dataclass(frozen=True)
class Exchange:
    """A request and its response, with the measured stages."""

    spec: RequestSpec
    context: Context
    timer: StageTimer
    response: Response
    reused_connection: bool

    @cached_property
    def spans(self) -> list[ClientSpan]:
        """The spans of the request and its stages, made only once, because their ids are random."""
        return client_spans(
            self.context, self.timer, self.spec.target, self.spec.method, self.response
        )


def send(spec: RequestSpec, *, times: int, timeout_s: float) -> Iterator[Exchange]:
    """Send the request `times` times, on one connection as long as the server keeps it open.

    :raises NetworkFailure: with a message for the user.
    :raises UsageError: when headers contradict one another, or a header contradicts the body.
    """
    # The measurement starts after this, because reading the authorities' certificates takes longer
    # than a handshake.
    tls_context = spec.target.tls_context()
    connection: Connection | None = None
    try:
        for _ in range(times):
            context, request = spec.new_request()
            timer, deadline = StageTimer(), Deadline(timeout_s)
            reused_connection = connection is not None and connection.reusable
            if connection is None or not reused_connection:
                if connection is not None:
                    connection.close()
                connection = Connection(connect(spec.target, tls_context, timer, deadline))
            response = connection.exchange(request, timer, deadline)
            yield Exchange(spec, context, timer, response, reused_connection)
    finally:
        if connection is not None:
            connection.close()

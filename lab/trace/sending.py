"""One request, or the same one several times on one connection."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.trace.items import Items
from lab.trace.line import Headers, Line, Request, Response
from lab.trace.measuring import Deadline, Measured
from lab.trace.spans import ClientSpan, Context, client_spans
from lab.trace.target import Target


@dataclass(frozen=True)
class Order:
    """What is to be sent, and where."""

    method: str
    target: Target
    headers: Mapping[str, str]
    body: tuple[bytes, str] | None

    @classmethod
    def of(cls, method: str | None, target: Target, items: Items) -> "Order":
        """Without a method it is GET, or POST if there is a body."""
        body = items.body()
        return cls(method or ("POST" if body else "GET"), target, items.headers, body)

    def new_request(self) -> tuple[Context, Request]:
        """Return the request with ids of its own, in the trace to which it belongs."""
        given = {name.lower(): value for name, value in self.headers.items()}
        context = Context.new(given.get("traceparent"))
        headers = [*self._defaults(context), *self.headers.items()]
        chosen = [
            (name, value)
            for number, (name, value) in enumerate(headers)
            # An empty one was typed to leave it out; of the others the last one counts.
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
            # Traced in any case, even if the service is at its limit.
            ("tracestate", "roundtrip=always"),
        ]
        if self.body is not None:
            content, media_type = self.body
            headers += [("Content-Type", media_type), ("Content-Length", str(len(content)))]
        return headers


@dataclass(frozen=True)
class Outcome:
    """What one request came to."""

    order: Order
    context: Context
    measured: Measured
    response: Response
    kept_alive: bool

    @property
    def spans(self) -> list[ClientSpan]:
        """The root and its stages."""
        return client_spans(
            self.context, self.measured, self.order.target, self.order.method, self.response
        )


def send(order: Order, *, times: int, timeout_s: float) -> Iterator[Outcome]:
    """Send it so many times, on one connection for as long as the server keeps it.

    :raises NetworkFailure: with a sentence for a person.
    :raises UsageError: when the headers contradict one another.
    """
    # Reading the authorities' certificates takes longer than a handshake, and is no part of it.
    trust = order.target.trust()
    line: Line | None = None
    try:
        for _ in range(times):
            context, request = order.new_request()
            measured, deadline = Measured(), Deadline(timeout_s)
            kept_alive = line is not None and line.reusable
            if line is None or not kept_alive:
                if line is not None:
                    line.close()
                line = Line.open(order.target, trust, measured, deadline)
            response = line.exchange(request, measured, deadline)
            yield Outcome(order, context, measured, response, kept_alive)
    finally:
        if line is not None:
            line.close()

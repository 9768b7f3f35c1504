"""An OTLP/HTTP receiver, to which the services and the clients of the tests send their spans."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from lab.bench.receiver import ExportHandler, receiver
from lab.stack.processes.waiting import wait_until

TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Span:
    """A span of an export request, converted to Python types."""

    name: str
    trace_id: str
    id: str
    parent_id: str
    kind: str
    start_ns: int
    end_ns: int
    """`start_ns` and `end_ns` are nanoseconds since the Unix epoch."""
    failed: bool
    attributes: dict[str, Any]

    @property
    def stage(self) -> str | None:
        """The name of the stage, if the span is a stage of the service."""
        return self.attributes.get("roundtrip.stage")

    @classmethod
    def from_message(cls, message: Message) -> "Span":
        """Convert an OTLP span. Fail if it has events, links or a status message."""
        assert not message.events, message
        assert not message.links, message
        assert not message.status.message, message
        return cls(
            message.name,
            message.trace_id.hex(),
            message.span_id.hex(),
            message.parent_span_id.hex(),
            Message.SpanKind.Name(message.kind).removeprefix("SPAN_KIND_"),
            message.start_time_unix_nano,
            message.end_time_unix_nano,
            message.status.code == Status.STATUS_CODE_ERROR,
            dict(map(_attribute, message.attributes)),
        )


SendTraced = Callable[..., tuple[httpx2.Response, list[Span]]]
"""Sends a request with a method and a path. Returns the response and the spans of its trace."""


def _attribute(pair: KeyValue) -> tuple[str, Any]:
    return pair.key, getattr(pair.value, pair.value.WhichOneof("value") or "string_value")


@dataclass
class Receiver:
    """The spans and resources that were received, and the raw bodies."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    raw: bytes = b""
    # The traces that the receiver returns to `lab trace`, as a collector does. Each request gets
    # the next trace. After the last trace, each request gets the last trace again. If the entry is
    # None, or the list is empty, the request gets 404.
    documents: list[dict[str, Any] | None] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, str]:
        """The settings with which a service sends its spans to this receiver every 20 ms."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
            "OTEL_SERVICE_NAME": "roundtrip",
            "OTEL_BSP_SCHEDULE_DELAY": "20",
        }

    def add_export(self, body: bytes) -> None:
        """Store an export request."""
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append(dict(map(_attribute, resource.resource.attributes)))
            for scope in resource.scope_spans:
                self.spans += map(Span.from_message, scope.spans)

    def trace(self, trace_id: str) -> list[Span]:
        """Wait for the server span of a trace, and return all spans of the trace by start time."""

        def spans() -> list[Span]:
            return [span for span in self.spans if span.trace_id == trace_id]

        assert wait_until(
            lambda: any(span.kind == "SERVER" for span in spans()), timeout_s=TIMEOUT_SECONDS
        ), f"the trace {trace_id} did not arrive"
        return sorted(spans(), key=lambda span: (span.start_ns, -span.end_ns))


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    """Receive spans until the end of the block."""
    received = Receiver()

    class Handler(ExportHandler):
        def receive(self, body: bytes) -> None:
            received.add_export(body)

        def do_GET(self) -> None:  # noqa: N802 - http.server calls this name
            documents = received.documents
            trace = documents.pop(0) if len(documents) > 1 else documents[0] if documents else None
            if trace is None:
                self.respond(404, "application/problem+json", b"{}")
            else:
                trace = {**trace, "trace_id": self.path.rpartition("/")[2]}
                self.respond(200, "application/json", json.dumps(trace).encode())

    with receiver(Handler) as url:
        received.url = url
        yield received

"""Make OTLP requests with spans, like the requests that the processes of the stack send."""

from collections.abc import Mapping
from secrets import token_hex
from types import MappingProxyType
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from lab.trace.client.spans import key_values

MS = 1_000_000
PROTOBUF = {"Content-Type": "application/x-protobuf"}


def span(
    trace_id: str,
    name: str,
    *,
    span_id: str | None = None,
    parent_id: str | None = None,
    start_ms: float = 0,
    duration_ms: float = 1,
    kind: trace_pb2.Span.SpanKind.ValueType = trace_pb2.Span.SPAN_KIND_INTERNAL,
    attributes: Mapping[str, Any] = MappingProxyType({}),
) -> trace_pb2.Span:
    """Return a span that begins `start_ms` milliseconds after a moment in 2017.

    All real traces are newer, so a list with the newest trace first shows them before this span.
    """
    return trace_pb2.Span(
        trace_id=bytes.fromhex(trace_id),
        span_id=bytes.fromhex(span_id or token_hex(8)),
        parent_span_id=bytes.fromhex(parent_id or ""),
        name=name,
        kind=kind,
        start_time_unix_nano=int(1_500_000_000_000 * MS + start_ms * MS),
        end_time_unix_nano=int(1_500_000_000_000 * MS + (start_ms + duration_ms) * MS),
        attributes=key_values(attributes),
    )


def request(service: str, *spans: trace_pb2.Span, instance: str | None = None) -> bytes:
    """Return the body of an export request with these spans of one process."""
    named = {"service.name": service} | ({"service.instance.id": instance} if instance else {})
    message = ExportTraceServiceRequest()
    group = message.resource_spans.add(resource=Resource(attributes=key_values(named)))
    group.scope_spans.add(spans=spans)
    return message.SerializeToString()

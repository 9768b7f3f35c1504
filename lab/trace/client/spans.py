"""Converts the stages of one request to OpenTelemetry spans and to OTLP.

The root span is `request`, and the client's other spans are its children. The parent of the
server's spans is `wait`. So the part of `wait` that no server has traced stays visible.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from lab.collector.ingest.stages import CLIENT, STAGE_ATTRIBUTE
from lab.trace.client.http_connection import Response
from lab.trace.client.measuring import Stage, StageTimer, Value
from lab.trace.client.target import Target

ROOT: Final = "request"

# If the response has this status or a higher status, the root span of the client has failed
# (OpenTelemetry's semantic conventions).
_FIRST_ERROR: Final = 400
# These headers identify the request and the source of the response. Other headers may contain a
# secret.
_SHOWN_HEADERS: Final = ("x-request-id", "x-cache")
# W3C Trace Context, section 3.2: version 00, and ids that are not all zeros.
_TRACEPARENT: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")


@dataclass(frozen=True)
class Context:
    """The ids of a request's trace and spans, in lower-case hexadecimal, as in `traceparent`."""

    trace_id: str
    root_id: str
    wait_id: str
    parent_id: str | None = None

    @classmethod
    def new(cls, traceparent: str | None = None) -> "Context":
        """Start a new trace, or continue the trace of a valid `traceparent`."""
        match = _TRACEPARENT.fullmatch(traceparent or "")
        trace_id, parent_id = match.groups() if match else (secrets.token_hex(16), None)
        return cls(trace_id, secrets.token_hex(8), secrets.token_hex(8), parent_id)

    @property
    def traceparent(self) -> str:
        """The value of the request's `traceparent` header, with the flag `sampled`."""
        return f"00-{self.trace_id}-{self.wait_id}-01"


@dataclass(frozen=True)
class ClientSpan:
    """One span of the client."""

    id: str
    parent_id: str | None
    stage: Stage


def client_spans(
    context: Context, timer: StageTimer, target: Target, method: str, response: Response
) -> list[ClientSpan]:
    """Return the root span and the span of each stage, without values that may contain a secret."""
    attributes: dict[str, Value] = {
        "http.request.method": method,
        "url.full": f"{target.origin}{target.shown_path}",
        "url.path": target.path,
        "server.address": target.host,
        "server.port": target.port,
        "network.protocol.version": response.version,
        "http.response.status_code": response.status,
    }
    for name in _SHOWN_HEADERS:
        if (value := response.header(name)) is not None:
            attributes[f"http.response.header.{name}"] = [value]
    failed = response.status >= _FIRST_ERROR
    root = Stage(ROOT, timer.begin, timer.end, attributes, failed)
    spans = [ClientSpan(context.root_id, context.parent_id, root)]
    for stage in timer.stages:
        own_id = context.wait_id if stage.name == "wait" else secrets.token_hex(8)
        spans.append(ClientSpan(own_id, context.root_id, stage))
    return spans


def to_otlp(context: Context, spans: Sequence[ClientSpan]) -> bytes:
    """Return the body of a request to `/v1/traces` (OTLP 1.x, binary protobuf)."""
    resource = Resource(attributes=key_values({"service.name": CLIENT}))
    scoped = ScopeSpans(spans=[_span(context, span) for span in spans])
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=[scoped])]
    ).SerializeToString()


def _span(context: Context, span: ClientSpan) -> Span:
    stage = span.stage
    is_root = stage.name == ROOT
    return Span(
        trace_id=bytes.fromhex(context.trace_id),
        span_id=bytes.fromhex(span.id),
        parent_span_id=bytes.fromhex(span.parent_id or ""),
        name=stage.name,
        kind=Span.SPAN_KIND_CLIENT if is_root else Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=stage.begin,
        end_time_unix_nano=stage.end,
        attributes=key_values({STAGE_ATTRIBUTE: stage.name, **stage.attributes}),
        status=Status(code=Status.STATUS_CODE_ERROR) if stage.failed else None,
    )


def key_values(values: Mapping[str, Value]) -> list[KeyValue]:
    """Return attributes as OTLP has them."""
    return [KeyValue(key=key, value=_value(value)) for key, value in values.items()]


def _value(value: Value) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=value)
    return AnyValue(array_value=ArrayValue(values=[_value(element) for element in value]))

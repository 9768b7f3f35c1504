"""The stages of one request as spans of OpenTelemetry, and as their OTLP bytes.

The root is `request`, the others are its children. The server is told that it works for `wait`:
its spans lie inside that one, and what of the waiting has no name stays visible.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from lab.trace.line import Response
from lab.trace.measuring import Measured, Stage, Value
from lab.trace.target import Target

ROOT: Final = "request"
PROCESS: Final = "client"
STAGE_ATTRIBUTE: Final = "roundtrip.stage"

# From here on a status is an error to a client, as the semantic conventions have it.
_FIRST_ERROR: Final = 400
# Those that name the request and say whence the answer came; others may hold a secret.
_SHOWN_HEADERS: Final = ("x-request-id", "x-cache")
# W3C Trace Context, section 3.2; of version 00, and not all zeros.
_TRACEPARENT: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")


@dataclass(frozen=True)
class Context:
    """Which trace a request belongs to; ids in lower-case hexadecimal, as on the wire."""

    trace_id: str
    root_id: str
    wait_id: str
    parent_id: str | None = None

    @classmethod
    def new(cls, traceparent: str | None = None) -> "Context":
        """Begin a trace, or go on with the one that somebody has given."""
        found = _TRACEPARENT.fullmatch(traceparent or "")
        trace_id, parent_id = found.groups() if found else (secrets.token_hex(16), None)
        return cls(trace_id, secrets.token_hex(8), secrets.token_hex(8), parent_id)

    @property
    def traceparent(self) -> str:
        """What is sent to the server: this trace, which is to be recorded."""
        return f"00-{self.trace_id}-{self.wait_id}-01"


@dataclass(frozen=True)
class ClientSpan:
    """One span of the client."""

    id: str
    parent_id: str | None
    stage: Stage


def client_spans(
    context: Context, measured: Measured, target: Target, method: str, response: Response
) -> list[ClientSpan]:
    """Return the root and below it the stages. What a secret may stand in is left out of them."""
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
    root = Stage(ROOT, measured.begin, measured.end, attributes, failed)
    spans = [ClientSpan(context.root_id, context.parent_id, root)]
    for stage in measured.stages:
        own_id = context.wait_id if stage.name == "wait" else secrets.token_hex(8)
        spans.append(ClientSpan(own_id, context.root_id, stage))
    return spans


def to_otlp(context: Context, spans: list[ClientSpan]) -> bytes:
    """Return the body of a request to `/v1/traces` (OTLP 1.x, binary protobuf)."""
    resource = Resource(attributes=_attributes({"service.name": PROCESS}))
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
        attributes=_attributes({STAGE_ATTRIBUTE: stage.name, **stage.attributes}),
        status=Status(code=Status.STATUS_CODE_ERROR) if stage.failed else None,
    )


def _attributes(values: Mapping[str, Value]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in values.items()]


def _value(value: Value) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=value)
    return AnyValue(array_value=ArrayValue(values=[_value(one) for one in value]))

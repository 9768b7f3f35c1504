"""Parses OTLP's messages into spans (OpenTelemetry Protocol 1.10, traces over HTTP)."""

from collections.abc import Iterator, Sequence
from math import isfinite
from sys import intern
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from lab.collector.errors import Problem
from lab.collector.ingest import otlp_json
from lab.collector.ingest.redaction import REDACTED, is_secret_name, redacted
from lab.collector.ingest.spans import Scalar, Span, Value
from lab.collector.ingest.stages import process_of, stage_of

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

MAX_TEXT_CHARACTERS: Final = 4096
MAX_NAME_CHARACTERS: Final = 256
_MAX_ATTRIBUTES: Final = 64
_MAX_ELEMENTS: Final = 32
_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8
_SCALARS: Final = {"bool_value", "int_value", "double_value"}


class Received(NamedTuple):
    """The spans of one request, and the number of rejected spans."""

    spans: list[Span]
    rejected: int


def read(body: bytes, media_type: str = PROTOBUF, *, from_service: bool = False) -> Received:
    """Return the spans of a request, redacted and truncated; reject spans without valid ids.

    With `from_service`, the spans are marked as spans of the service itself.

    :raises Problem: 400, when the body is not an ExportTraceServiceRequest in this media type.
    """
    message = otlp_json.parse(body) if media_type == JSON else _from_protobuf(body)
    spans: list[Span] = []
    rejected = 0
    for group in message.resource_spans:
        process = _process(group.resource)
        for scope in group.scope_spans:
            for sent in scope.spans:
                if _has_valid_ids(sent):
                    spans.append(_span(sent, process, from_service=from_service))
                else:
                    rejected += 1
    return Received(spans, rejected)


def response_body(rejected: int, media_type: str) -> bytes:
    """Return the body of the response to a request with this number of rejected spans."""
    response = ExportTraceServiceResponse()
    if rejected:
        response.partial_success.rejected_spans = rejected
        response.partial_success.error_message = "Spans have no valid ids, or their trace is full."
    if media_type == JSON:
        return otlp_json.render(response)
    return response.SerializeToString()


def _from_protobuf(body: bytes) -> ExportTraceServiceRequest:
    message = ExportTraceServiceRequest()
    try:
        message.ParseFromString(body)
    except DecodeError:
        raise Problem(400, "The body is not an ExportTraceServiceRequest in protobuf.") from None
    return message


def _span(sent: trace_pb2.Span, process: str, *, from_service: bool) -> Span:
    name = redacted(sent.name[:MAX_NAME_CHARACTERS])
    attributes = dict(_attributes(sent.attributes))
    server = sent.kind == trace_pb2.Span.SPAN_KIND_SERVER
    return Span(
        trace_id=sent.trace_id.hex(),
        span_id=sent.span_id.hex(),
        parent_id=sent.parent_span_id.hex() or None,
        process=process,
        stage=intern(stage_of(process, name, attributes, server=server)),
        name=intern(name),
        start_ns=sent.start_time_unix_nano,
        end_ns=max(sent.start_time_unix_nano, sent.end_time_unix_nano),
        error=sent.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        attributes=attributes,
        from_service=from_service,
    )


def _has_valid_ids(sent: trace_pb2.Span) -> bool:
    # W3C Trace Context, section 3.2.2: an id of only zeros is invalid.
    return (
        len(sent.trace_id) == _TRACE_ID_BYTES
        and len(sent.span_id) == _SPAN_ID_BYTES
        and any(sent.trace_id)
        and any(sent.span_id)
        and len(sent.parent_span_id) in {0, _SPAN_ID_BYTES}
    )


def _process(resource: Resource) -> str:
    named = {it.key: it.value.string_value for it in resource.attributes}
    service = named.get("service.name") or "unknown"
    process = process_of(service, named.get("service.instance.id", ""))
    return intern(redacted(process[:MAX_NAME_CHARACTERS]))


def _attributes(sent: Sequence[KeyValue]) -> Iterator[tuple[str, Value]]:
    for pair in sent[:_MAX_ATTRIBUTES]:
        key = intern(pair.key[:MAX_NAME_CHARACTERS])
        value = _value(pair.value)
        # Caddy records an absent header as an empty text.
        if value == "":
            continue
        if is_secret_name(key):
            yield key, REDACTED
        elif value is not None:
            yield key, value


def _value(sent: AnyValue) -> Value | None:
    """Return a scalar or a list of scalars. Return None for maps and bytes, which are dropped."""
    if not sent.HasField("array_value"):
        return _scalar(sent)
    elements = map(_scalar, sent.array_value.values[:_MAX_ELEMENTS])
    return [element for element in elements if element is not None]


def _scalar(sent: AnyValue) -> Scalar | None:
    kind = sent.WhichOneof("value")
    if kind == "string_value":
        # The text is truncated before the redaction, so that the redaction reads only kept text.
        return redacted(sent.string_value[:MAX_TEXT_CHARACTERS])
    scalar: Scalar | None = getattr(sent, kind) if kind in _SCALARS else None
    # JSON has no infinity and no NaN.
    return str(scalar) if isinstance(scalar, float) and not isfinite(scalar) else scalar

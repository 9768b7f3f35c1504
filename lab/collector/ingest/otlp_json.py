"""Parses and writes the JSON form of OTLP's messages, which browsers send."""

import json
from base64 import b64encode
from typing import Any, Final

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from lab.collector.errors import Problem

_IDS: Final = ("traceId", "spanId", "parentSpanId")


def parse(body: bytes) -> ExportTraceServiceRequest:
    """Return the message in a JSON body.

    :raises Problem: 400, when the body is not an ExportTraceServiceRequest.
    """
    try:
        fields = json.loads(body, object_hook=_with_base64_ids)
        message = ExportTraceServiceRequest()
        return json_format.ParseDict(fields, message, ignore_unknown_fields=True)
    except (
        ValueError, ArithmeticError, TypeError, AttributeError, RecursionError, json_format.Error
    ):  # fmt: skip
        # A number that is too large for a double gives an ArithmeticError. A body that is JSON, but
        # not an object, gives a TypeError or an AttributeError.
        raise Problem(400, "The body is not an ExportTraceServiceRequest in JSON.") from None


def render(message: ExportTraceServiceResponse) -> bytes:
    """Return the message as JSON."""
    return json_format.MessageToJson(message, indent=None).encode()


def _with_base64_ids(fields: dict[str, Any]) -> dict[str, Any]:
    # In OTLP's JSON, these ids are in hexadecimal. protobuf's parser expects all bytes in Base64.
    ids = {name: fields[name] for name in _IDS if isinstance(fields.get(name), str)}
    return fields | {name: b64encode(bytes.fromhex(text)).decode() for name, text in ids.items()}

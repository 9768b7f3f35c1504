"""Records the stages of a request, for spans, the access log and `Server-Timing`.

A stage belongs to the request that waits for it. Work in the background belongs to no request.
If OpenTelemetry's variables name no collector and `SERVER_TIMING=off`, nothing is recorded, and a
stage costs only as much as a function call.

The span of a stage contains no data that a client has sent. It contains a SQL statement with
placeholders, but no values; the name of a Redis command, but no arguments; and the type of an
exception, but no message.
"""

from app.tracing.functions import code_attributes, code_attributes_of_caller, staged, staged_methods
from app.tracing.messaging import consuming, producing
from app.tracing.provider import (
    begin_trace,
    end_tracing,
    set_up_sampler,
    trace_id,
    tracing_is_wanted,
)
from app.tracing.recording import (
    ActiveStage,
    Recording,
    begin_stage,
    record,
    run_in_background,
    set_span_attribute,
)
from app.tracing.stages import Attributes, Stage

__all__ = [
    "ActiveStage",
    "Attributes",
    "Recording",
    "Stage",
    "begin_stage",
    "begin_trace",
    "code_attributes",
    "code_attributes_of_caller",
    "consuming",
    "end_tracing",
    "producing",
    "record",
    "run_in_background",
    "set_span_attribute",
    "set_up_sampler",
    "staged",
    "staged_methods",
    "trace_id",
    "tracing_is_wanted",
]

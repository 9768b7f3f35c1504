"""What happens to a request, stage by stage: as spans, in the access log, as `Server-Timing`.

A stage is recorded for the request that it belongs to; what no request waits for belongs to none.
While nobody looks, with no collector named by OpenTelemetry's variables and `SERVER_TIMING=off`,
a stage costs as much as the call of a function.

A span never says what a request brought along: of a statement it has the placeholders, of a
command the name, of an exception the type.
"""

from app.tracing.functions import place_of, place_of_caller, staged, staged_methods
from app.tracing.provider import (
    begin_trace,
    end_tracing,
    set_tracer_provider,
    trace_id,
    tracing_is_wanted,
)
from app.tracing.recording import Begun, Recording, aside, begin, note, record
from app.tracing.stages import Attributes, Stage

__all__ = [
    "Attributes",
    "Begun",
    "Recording",
    "Stage",
    "aside",
    "begin",
    "begin_trace",
    "end_tracing",
    "note",
    "place_of",
    "place_of_caller",
    "record",
    "set_tracer_provider",
    "staged",
    "staged_methods",
    "trace_id",
    "tracing_is_wanted",
]

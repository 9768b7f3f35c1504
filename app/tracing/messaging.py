"""The stages of a job: its insertion into the queue, its wait there, and its run by a worker.

The spans follow OpenTelemetry's conventions for messaging. The job continues the trace of the
request that inserted it: the job's arguments contain the `traceparent` of the insertion (W3C Trace
Context).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry import context
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.tracing.recording import ActiveStage, Recording, begin_stage, record, tracer
from app.tracing.stages import STAGE, Attributes

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_TRACEPARENT: Final = "traceparent"
_NANOSECONDS: Final = 1_000_000_000


def _attributes(queue: str, task: str, operation: str) -> Attributes:
    return {
        "messaging.system": "procrastinate",
        "messaging.destination.name": queue,
        "messaging.operation.name": operation,
        "messaging.operation.type": "send" if operation == "defer" else "process",
        "roundtrip.task": task,
    }


@contextmanager
def producing(queue: str, task: str) -> Iterator[str | None]:
    """Record the insertion of a job. Yield the `traceparent` for the job.

    Yield None if the request is not traced.
    """
    stage = begin_stage(
        "queue", f"send {queue}", _attributes(queue, task, "defer"), SpanKind.PRODUCER
    )
    if stage is None:
        yield None
        return
    with stage:
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier)
        yield carrier.get(_TRACEPARENT)


@contextmanager
def consuming(
    queue: str, task: str, *, traceparent: str | None, ready_since: float | None
) -> Iterator[None]:
    """Record the run of a job in the trace of the request that inserted the job.

    `ready_since` is the Unix time from which the job could run. The wait from then until now is a
    separate stage. Without `traceparent`, nothing is recorded.
    """
    if traceparent is None:
        record(None)
        yield
        return
    token = context.attach(_PROPAGATOR.extract({_TRACEPARENT: traceparent}))
    try:
        recording = Recording(spans=True)
        record(recording)
        _record_wait(queue, ready_since)
        attributes = {STAGE: "job", **_attributes(queue, task, "process")}
        with ActiveStage(recording, "job", attributes, f"process {queue}", SpanKind.CONSUMER):
            yield
    finally:
        record(None)
        context.detach(token)


def _record_wait(queue: str, ready_since: float | None) -> None:
    if ready_since is None:
        return
    start = min(int(ready_since * _NANOSECONDS), time.time_ns())
    span = tracer().start_span(f"wait in {queue}", attributes={STAGE: "queued"}, start_time=start)
    span.end()

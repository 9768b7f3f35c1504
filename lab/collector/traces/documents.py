"""Converts a trace to the JSON that the page and `lab trace` read."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from lab.collector.details import source
from lab.collector.ingest.spans import Span, Value
from lab.collector.ingest.stages import LOAD_BALANCER, OTHER
from lab.collector.traces.problem_codes import known_problem
from lab.collector.traces.store import Trace
from lab.collector.traces.tree import PlacedSpan, in_order, longest_gap_ns

Document = dict[str, Any]


def summary(trace: Trace) -> Document:
    """Return the summary of a trace, for the list of requests."""
    return _summary(trace.trace_id, _joined(trace))


def document(trace: Trace) -> Document:
    """Return the whole trace: the summary, and each span in the order of the waterfall."""
    placed = _joined(trace)
    began = _beginning(placed)
    overview = _summary(trace.trace_id, placed)
    return {
        **overview,
        "untraced_ms": _ms(longest_gap_ns(placed)),
        "spans": [_span(it, began, overview["status"]) for it in placed],
    }


def _joined(trace: Trace) -> list[PlacedSpan]:
    return in_order(_with_real_status(trace.spans.values()))


def _with_real_status(spans: Collection[Span]) -> list[Span]:
    """Return the spans. Spans of the load balancer get the status of the real response.

    If Caddy cannot reach the service, Caddy's span ends before Caddy generates the response. Then
    the span has the status 200, and a child span has the real status.
    """
    children = {span.parent_id: span for span in spans if span.process == LOAD_BALANCER}
    return [
        _with_status_of(children[span.span_id], span)
        if span.process == LOAD_BALANCER and span.span_id in children
        else span
        for span in spans
    ]


def _with_status_of(child: Span, span: Span) -> Span:
    name = "http.response.status_code"
    status = {name: child.attributes[name]} if name in child.attributes else {}
    return replace(span, error=child.error, attributes={**span.attributes, **status})


def _summary(trace_id: str, placed: Sequence[PlacedSpan]) -> Document:
    spans = [it.span for it in placed]
    by_start = sorted(spans, key=lambda span: span.start_ns)
    return {
        "trace_id": trace_id,
        "started_at": _rfc3339(_beginning(placed)),
        "duration_ms": _ms(spans[0].duration_ns),
        "method": _first(spans, "http.request.method"),
        "path": _first(spans, "url.path"),
        "route": _first(spans, "http.route"),
        "status": _first(spans, "http.response.status_code"),
        "processes": list(dict.fromkeys(span.process for span in by_start)),
        "stages": sum(span.stage != OTHER for span in spans),
        # The header X-Cache has the final result. Without this header, the last lookup counts,
        # because the first lookup, in the process's memory, can find a stale copy.
        "cache": _first(spans, "http.response.header.x-cache")
        or _first(reversed(by_start), "roundtrip.cache"),
        "request_id": _first(
            spans,
            "roundtrip.request_id",
            "http.response.header.x-request-id",
            "http.request.header.x-request-id",
        ),
    }


def _span(placed: PlacedSpan, began_ns: int, status: Value | None) -> Document:
    span = placed.span
    problem = known_problem(span.attributes.get("error.type"), status) if span.error else None
    return {
        "id": span.span_id,
        "parent_id": span.parent_id,
        "process": span.process,
        "stage": span.stage,
        "name": span.name,
        "start_ms": _ms(span.start_ns - began_ns),
        "duration_ms": _ms(span.duration_ns),
        "depth": placed.depth,
        "error": span.error,
        "problem": problem.code if problem else None,
        "problem_detail": problem.detail if problem else None,
        "attributes": dict(span.attributes),
        "code": source.code_location(span.attributes),
    }


def _first(spans: Iterable[Span], *names: str) -> Value | None:
    """Return the first value that is not empty. All spans are searched for each name in turn."""
    for name in names:
        for span in spans:
            value = span.attributes.get(name)
            if value not in (None, "", []):
                # In OpenTelemetry's conventions, the value of a header is a list.
                return value[0] if isinstance(value, list) else value
    return None


def _beginning(placed: Iterable[PlacedSpan]) -> int:
    return min(it.span.start_ns for it in placed)


def _ms(nanoseconds: int) -> float:
    return round(nanoseconds / 1_000_000, 3)


def _rfc3339(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")

"""Corrects the clock of a client on another machine, by the order of events at both ends."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from lab.collector.spans import Span
from lab.collector.stages import CLIENT

# Even on one machine, the server may record its end a moment after the client has the response.
TOLERANCE_NS: Final = 10_000_000


def with_corrected_clock(spans: Mapping[str, Span]) -> list[Span]:
    """Return the spans, with the client's shifted so that the server's work begins inside `wait`.

    The server's clock counts as correct. Nothing is shifted if the client's times are possible.
    """
    shift = _shift(spans)
    if not shift:
        return list(spans.values())
    return [
        replace(span, start_ns=span.start_ns + shift, end_ns=span.end_ns + shift)
        if span.process == CLIENT
        else span
        for span in spans.values()
    ]


def _shift(spans: Mapping[str, Span]) -> int:
    for server_span in spans.values():
        client_span = spans.get(server_span.parent_id or "")
        if (
            client_span is not None
            and client_span.process == CLIENT
            and server_span.process != CLIENT
        ):
            wait = _stage_of(client_span, "wait", spans)
            end_ns = _whole_of(client_span, spans).end_ns
            sent_ns = _stage_of(client_span, "send", spans).start_ns
            if _agree(sent_ns, wait, end_ns, server_span):
                return 0
            return _centred(wait, end_ns, server_span)
    return 0


def _stage_of(client_span: Span, stage: str, spans: Mapping[str, Span]) -> Span:
    family = {client_span.span_id, client_span.parent_id}
    return next(
        (it for it in spans.values() if it.stage == stage and it.parent_id in family), client_span
    )


def _whole_of(client_span: Span, spans: Mapping[str, Span]) -> Span:
    """Return the span of the client's whole request: `client_span` or its parent."""
    parent = spans.get(client_span.parent_id or "")
    return parent if parent is not None and parent.process == CLIENT else client_span


def _agree(sent_ns: int, wait: Span, end_ns: int, server_span: Span) -> bool:
    # A server begins with the first bytes of a request, while the client may still be sending. A
    # response may continue long after its first byte, at which the client's `wait` ends.
    began = sent_ns - TOLERANCE_NS <= server_span.start_ns <= wait.end_ns + TOLERANCE_NS
    return began and server_span.end_ns <= end_ns + TOLERANCE_NS


def _centred(wait: Span, end_ns: int, server_span: Span) -> int:
    # Assumes that both directions take the same time. If the server works for longer than the
    # client's `wait`, the server's end is compared with the end of the client's request.
    room = (
        wait.duration_ns if server_span.duration_ns <= wait.duration_ns else end_ns - wait.start_ns
    )
    one_way = max(0, room - server_span.duration_ns) // 2
    return server_span.start_ns - one_way - wait.start_ns

"""The clock of a client on another machine, corrected by what must have happened in between."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from lab.collector.spans import Span
from lab.collector.stages import CLIENT

# On one machine the server may note its end a moment after the client has the response.
TOLERANCE_NS: Final = 10_000_000


def corrected(spans: Mapping[str, Span]) -> list[Span]:
    """Return the spans, the client's shifted so that the server's work begins inside its `wait`.

    The server's clock is believed. If what the client saw can have happened as it says, nothing
    is shifted.
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
    for served in spans.values():
        asked = spans.get(served.parent_id or "")
        if asked is not None and asked.process == CLIENT and served.process != CLIENT:
            wait, end_ns = _stage_of(asked, "wait", spans), _whole_of(asked, spans).end_ns
            sent_ns = _stage_of(asked, "send", spans).start_ns
            if _agree(sent_ns, wait, end_ns, served):
                return 0
            return _centred(wait, end_ns, served)
    return 0


def _stage_of(asked: Span, stage: str, spans: Mapping[str, Span]) -> Span:
    family = {asked.span_id, asked.parent_id}
    return next(
        (it for it in spans.values() if it.stage == stage and it.parent_id in family), asked
    )


def _whole_of(asked: Span, spans: Mapping[str, Span]) -> Span:
    """Return the client's request: what asked, or what that is a part of."""
    above = spans.get(asked.parent_id or "")
    return above if above is not None and above.process == CLIENT else asked


def _agree(sent_ns: int, wait: Span, end_ns: int, served: Span) -> bool:
    # A server begins with the first bytes of a request, while the client still sends the others,
    # or has sent them all and does not know it yet. And a response may go on for long after its
    # first byte, with which the wait ends.
    began = sent_ns - TOLERANCE_NS <= served.start_ns <= wait.end_ns + TOLERANCE_NS
    return began and served.end_ns <= end_ns + TOLERANCE_NS


def _centred(wait: Span, end_ns: int, served: Span) -> int:
    # The way there is taken to be as long as the way back. What is served for longer than the
    # client waits for its first byte is served until the last one.
    room = wait.duration_ns if served.duration_ns <= wait.duration_ns else end_ns - wait.start_ns
    one_way = max(0, room - served.duration_ns) // 2
    return served.start_ns - one_way - wait.start_ns

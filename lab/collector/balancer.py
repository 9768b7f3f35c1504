"""What the load balancer has answered itself, because the service could not be asked."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from lab.collector.spans import Span
from lab.collector.stages import LOAD_BALANCER

_STATUS: Final = "http.response.status_code"


def with_own_answers(spans: Iterable[Span]) -> list[Span]:
    """Return the spans, each of the load balancer's with the status that was really answered.

    Caddy ends a span that failed before it knows what to answer, and writes 200 into it. The span
    of its answer lies below, and knows better.
    """
    listed = list(spans)
    by_balancer = [span for span in listed if span.process == LOAD_BALANCER]
    answers = {span.parent_id: span for span in by_balancer}
    return [
        _answered_by(span, answers[span.span_id])
        if span.process == LOAD_BALANCER and span.span_id in answers
        else span
        for span in listed
    ]


def _answered_by(span: Span, answer: Span) -> Span:
    status = {key: value for key, value in answer.attributes.items() if key == _STATUS}
    return replace(span, error=answer.error, attributes={**span.attributes, **status})

"""Corrects the status in the load balancer's spans, for requests that it answered itself."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from lab.collector.spans import Span
from lab.collector.stages import LOAD_BALANCER

_STATUS: Final = "http.response.status_code"


def with_real_status(spans: Iterable[Span]) -> list[Span]:
    """Return the spans. Spans of the load balancer get the status of the real response.

    If Caddy cannot reach the service, Caddy's span ends before Caddy generates the response. Then
    the span has the status 200, and a child span has the real status.
    """
    all_spans = list(spans)
    by_balancer = [span for span in all_spans if span.process == LOAD_BALANCER]
    children = {span.parent_id: span for span in by_balancer}
    return [
        _with_status_of(children[span.span_id], span)
        if span.process == LOAD_BALANCER and span.span_id in children
        else span
        for span in all_spans
    ]


def _with_status_of(child: Span, span: Span) -> Span:
    status = {key: value for key, value in child.attributes.items() if key == _STATUS}
    return replace(span, error=child.error, attributes={**span.attributes, **status})

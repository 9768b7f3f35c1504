"""Draws a trace as text: one line per stage, with a bar for its time."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from lab.collector.ingest.stages import CLIENT
from lab.trace.client.spans import ROOT
from lab.trace.collector_client import Document
from lab.trace.output.details import SOURCE_LINE, detail
from lab.trace.output.output_style import OutputStyle

# The client's stages, each with the width of its column in the table of `repetitions()`.
STAGES: Final = {"dns": 6, "connect": 8, "tls": 6, "send": 6, "wait": 8, "receive": 8}

_PROCESS_COLUMNS: Final = 13
_MIN_BAR_COLUMNS: Final = 4
_STAGE_COLUMNS: Final = 16
_HEAD: Final = (
    f"{'process':<{_PROCESS_COLUMNS}} {'stage':<{_STAGE_COLUMNS}} {'start':>7} {'ms':>8} "
)
# The largest indentation: that of a Redis command in a `cache` stage in a `service` stage. Deeper
# stages are not indented further.
_MAX_INDENT: Final = 7


def waterfall(document: Document, style: OutputStyle) -> Iterator[str]:
    """Yield the lines: the request, each stage, and the sum."""
    columns = _columns(document, style)
    yield style.clean(
        f"{document['method']} {document['path']}: {document['status']} in "
        f"{document['duration_ms']:.1f} ms, trace {document['trace_id']}",
        style.width,
    )
    yield style.dim(_HEAD.rstrip())
    # A job can end after the request. Then the bars extend over a longer time than the request.
    ends = [(span["start_ms"] or 0) + span["duration_ms"] for span in document["spans"]]
    total = max(document["duration_ms"], *ends)
    for span in document["spans"]:
        yield _row(span, total, columns, style)
    yield from textwrap.wrap(_sum(document), style.width, subsequent_indent="    ")
    if not document["joined"]:
        yield from textwrap.wrap(_why_not_joined(document), style.width)
    if document["page"]:
        yield f"page {document['page']}"


def repetitions(documents: Sequence[Document], reused: Sequence[bool]) -> Iterator[str]:
    """Yield a line for each request, which compares its duration with that of the first request.

    `reused` has a value for each request: whether it reused the previous request's connection.
    """
    names = "".join(f"{stage:>{width}}" for stage, width in STAGES.items())
    yield f"{'':<4}{'status':>6}{names}{'ms':>8}  cache"
    first = documents[0]["duration_ms"]
    for number, document in enumerate(documents, start=1):
        took, duration = _client_stages(document), document["duration_ms"]
        cells = "".join(f"{_cell(took.get(stage)):>{width}}" for stage, width in STAGES.items())
        line = f"{number:<4}{document['status']:>6}{cells}{duration:>8.1f}  "
        line += f"{document['cache'] or '-':<5}"
        if number > 1:
            line += f"{abs(first - duration):.1f} {'less' if duration <= first else 'more'}"
        yield line.rstrip()
    if any(reused):
        yield "A dash means that the connection was reused: no DNS lookup, no handshake."


def _cell(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds:.1f}"


def _columns(document: Document, style: OutputStyle) -> tuple[int, int]:
    """Return the widths of the bars and of the details."""
    rest = max(style.width - len(_HEAD) - 1, 12)
    # The bars are shorter if the end of a path, such as `…/file.py:12`, needs more columns.
    names = (SOURCE_LINE.search(detail(span)) for span in document["spans"])
    longest = max((len(name[0]) for name in names if name), default=0)
    bars = min(rest * 2 // 5, max(rest - longest - len(style.mark), _MIN_BAR_COLUMNS))
    return bars, rest - bars


def _row(
    span: Mapping[str, Any], total: float, columns: tuple[int, int], style: OutputStyle
) -> str:
    start, length = span["start_ms"], span["duration_ms"]
    stage = " " * min(span["depth"], _MAX_INDENT) + span["stage"]
    drawn = " " * columns[0]
    if start is not None and total > 0:
        drawn = style.bar(start / total, length / total, columns[0])
    return (
        f"{style.clean(span['process'], _PROCESS_COLUMNS):<{_PROCESS_COLUMNS}} "
        f"{stage[:_STAGE_COLUMNS]:<{_STAGE_COLUMNS}} "
        f"{'' if start is None else format(start, '.1f'):>7} {length:>8.1f} "
        f"{style.tint(drawn, span['process'], span['stage'], failed=span['error'])} "
        f"{style.clean(detail(span), columns[1], kept=SOURCE_LINE)}"
    ).rstrip()


def _sum(document: Document) -> str:
    took = _client_stages(document)
    parts = " + ".join(f"{stage} {took[stage]:.1f}" for stage in STAGES if stage in took)
    return (
        f"sum {parts} = {sum(took.values()):.1f} of {document['duration_ms']:.1f} ms; "
        f"largest untraced gap: {document['untraced_ms']:.1f} ms"
    )


def _client_stages(document: Document) -> dict[str, float]:
    took: dict[str, float] = {}
    for span in document["spans"]:
        if span["process"] == CLIENT and span["stage"] != ROOT:
            took[span["stage"]] = took.get(span["stage"], 0.0) + span["duration_ms"]
    return took


def _why_not_joined(document: Document) -> str:
    if len(document["processes"]) > 1:
        return (
            "No collector has the server's spans. The durations of its stages are from the "
            "response (Server-Timing), which has no start times."
        )
    return (
        "No collector has the server's spans, so only the client's stages are shown. "
        "`make start` runs a stack whose stages are shown too."
    )

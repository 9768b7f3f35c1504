"""A trace for a person: a line for each stage, a bar for its time."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from lab.trace.collector import Document
from lab.trace.details import detail
from lab.trace.paper import Paper
from lab.trace.spans import PROCESS, ROOT

# Each with the columns that it gets in a table.
STAGES: Final = {"dns": 6, "connect": 8, "tls": 6, "send": 6, "wait": 8, "receive": 8}

_PROCESS_COLUMNS: Final = 13
_STAGE_COLUMNS: Final = 16
_HEAD: Final = f"{'process':<13} {'stage':<16} {'start':>7} {'ms':>8} "
# A hash in a service in an endpoint is this deep. What is deeper stays in its column.
_DEEPEST: Final = 7


def waterfall(document: Document, paper: Paper) -> Iterator[str]:
    """Yield the lines: what it was, each stage, and the sum."""
    rest = max(paper.width - len(_HEAD) - 1, 12)
    columns = (rest * 2 // 5, rest - rest * 2 // 5)
    yield paper.clean(
        f"{document['method']} {document['path']}: {document['status']} in "
        f"{document['duration_ms']:.1f} ms, trace {document['trace_id']}",
        paper.width,
    )
    yield paper.dim(_HEAD.rstrip())
    for span in document["spans"]:
        yield _row(span, document["duration_ms"], columns, paper)
    yield from textwrap.wrap(_sum(document), paper.width, subsequent_indent="    ")
    if not document["joined"]:
        yield from textwrap.wrap(_alone(document), paper.width)


def repetitions(documents: Sequence[Document], kept: Sequence[bool]) -> Iterator[str]:
    """Yield a line for each of several requests, and what it took less than the first."""
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
    if any(kept):
        yield "Where there is a dash, the connection was kept: no name to look up, no handshake."


def _cell(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds:.1f}"


def _row(span: Mapping[str, Any], total: float, columns: tuple[int, int], paper: Paper) -> str:
    start, length = span["start_ms"], span["duration_ms"]
    stage = " " * min(span["depth"], _DEEPEST) + span["stage"]
    drawn = " " * columns[0]
    if start is not None and total > 0:
        drawn = paper.bar(max(start, 0) / total, length / total, columns[0])
    return (
        f"{paper.clean(span['process'], _PROCESS_COLUMNS):<{_PROCESS_COLUMNS}} "
        f"{stage[:_STAGE_COLUMNS]:<{_STAGE_COLUMNS}} "
        f"{'' if start is None else format(start, '.1f'):>7} {length:>8.1f} "
        f"{paper.tint(drawn, span['process'], span['stage'], failed=span['error'])} "
        f"{paper.clean(detail(span), columns[1])}"
    ).rstrip()


def _sum(document: Document) -> str:
    took = _client_stages(document)
    parts = " + ".join(f"{stage} {took[stage]:.1f}" for stage in STAGES if stage in took)
    return (
        f"sum {parts} = {sum(took.values()):.1f} of {document['duration_ms']:.1f} ms; "
        f"without a name: {document['unnamed_ms']:.1f} ms at most in one piece"
    )


def _client_stages(document: Document) -> dict[str, float]:
    took: dict[str, float] = {}
    for span in document["spans"]:
        if span["process"] == PROCESS and span["stage"] != ROOT:
            took[span["stage"]] = took.get(span["stage"], 0.0) + span["duration_ms"]
    return took


def _alone(document: Document) -> str:
    if len(document["processes"]) > 1:
        return (
            "No collector has the server's spans. How long its stages took is in the response "
            "(Server-Timing); when they began is not."
        )
    return (
        "No collector has the server's spans: this is what the client saw. "
        "`make start` runs a stack whose stages are seen, too."
    )

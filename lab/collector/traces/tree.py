"""Orders spans under their parents, and finds the largest untraced gap."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lab.collector.ingest.spans import Span


class PlacedSpan(NamedTuple):
    """A span and its depth below the root."""

    span: Span
    depth: int


def in_order(spans: Iterable[Span]) -> list[PlacedSpan]:
    """Return each span once: parents before their children, siblings by their start.

    The first span is the root, with the depth 0. A span whose parent has not arrived also has the
    depth 0. If the parents of several spans form a cycle, one of these spans has the depth 0.
    """
    by_start = sorted(spans, key=lambda span: (span.parent_id is not None, span.start_ns))
    ids = {span.span_id for span in by_start}
    children: dict[str | None, list[Span]] = defaultdict(list)
    for span in by_start:
        children[span.parent_id if span.parent_id in ids else None].append(span)
    placed: dict[str, PlacedSpan] = {}
    # No span of a cycle is below a root, so the span that started first becomes a root.
    for top in (*children[None], *by_start):
        _place(top, children, placed)
    return list(placed.values())


def _place(
    top: Span, children: dict[str | None, list[Span]], placed: dict[str, PlacedSpan]
) -> None:
    # A loop and not a recursion, because a trace may be a chain of 500 spans.
    waiting = [PlacedSpan(top, 0)]
    while waiting:
        span, depth = waiting.pop()
        if span.span_id not in placed:
            placed[span.span_id] = PlacedSpan(span, depth)
            own_children = children.get(span.span_id, [])
            waiting += [PlacedSpan(child, depth + 1) for child in reversed(own_children)]


def longest_gap_ns(placed: Sequence[PlacedSpan]) -> int:
    """Return the longest time within the root span that no leaf span covers."""
    root = placed[0].span
    parents = {it.span.parent_id for it in placed}
    leaves = [it.span for it in placed if it.span.span_id not in parents]
    reached, longest = root.start_ns, 0
    for leaf in sorted(leaves, key=lambda span: span.start_ns):
        longest = max(longest, min(leaf.start_ns, root.end_ns) - reached)
        reached = max(reached, leaf.end_ns)
    return max(longest, root.end_ns - reached)

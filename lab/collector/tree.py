"""Who is whose parent, and where nothing has a name."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lab.collector.spans import Span


class Placed(NamedTuple):
    """A span and how far it is below the root."""

    span: Span
    depth: int


def in_order(spans: Iterable[Span]) -> list[Placed]:
    """Return each span once: parents before their children, siblings by their starts.

    The first is the root. A span whose parent has not come (or comes to itself in a circle)
    stands beside it.
    """
    by_start = sorted(spans, key=lambda span: (span.parent_id is not None, span.start_ns))
    known = {span.span_id for span in by_start}
    children: dict[str | None, list[Span]] = defaultdict(list)
    for span in by_start:
        children[span.parent_id if span.parent_id in known else None].append(span)
    placed: dict[str, Placed] = {}
    # In a circle nobody comes first, so whoever began first does.
    for top in (*children[None], *by_start):
        _place(top, children, placed)
    return list(placed.values())


def _place(top: Span, children: dict[str | None, list[Span]], placed: dict[str, Placed]) -> None:
    # No recursion: a chain of five hundred spans is a trace, too.
    waiting = [Placed(top, 0)]
    while waiting:
        span, depth = waiting.pop()
        if span.span_id not in placed:
            placed[span.span_id] = Placed(span, depth)
            below = children.get(span.span_id, [])
            waiting += [Placed(child, depth + 1) for child in reversed(below)]


def longest_gap_ns(placed: Sequence[Placed]) -> int:
    """Return the longest stretch of the root's length that no leaf covers."""
    root = placed[0].span
    parents = {it.span.parent_id for it in placed}
    leaves = [it.span for it in placed if it.span.span_id not in parents]
    reached, longest = root.start_ns, 0
    for leaf in sorted(leaves, key=lambda span: span.start_ns):
        longest = max(longest, min(leaf.start_ns, root.end_ns) - reached)
        reached = max(reached, leaf.end_ns)
    return max(longest, root.end_ns - reached)

"""The statistics of each route: the number of its kept requests, their durations and errors."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import ceil
from typing import Final

from lab.collector.traces.documents import Document

BOUNDS_MS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""The upper bounds of the histogram's bars. One more bar, without an upper bound, follows."""


def route_statistics(entries: Iterable[Document], seconds: float) -> list[Document]:
    """Return the statistics of each method and route, the most frequent first.

    A route's rate is its number of entries divided by `seconds`, the time in which all entries
    arrived. The durations are `server_ms`.
    """
    routes: dict[tuple[str | None, str | None], list[Document]] = defaultdict(list)
    for entry in entries:
        routes[entry["method"], entry["route"]].append(entry)
    most_frequent = sorted(routes.items(), key=lambda item: -len(item[1]))
    return [
        {"method": method, "route": route, **_of_route(same, seconds)}
        for (method, route), same in most_frequent
    ]


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the smallest value so that at least `percent` % of values are ≤ it (nearest rank)."""
    return ordered[ceil(len(ordered) * percent / 100) - 1]


def _of_route(entries: Sequence[Document], seconds: float) -> Document:
    durations = sorted(entry["server_ms"] for entry in entries)
    statuses = [str(entry["status"] or "") for entry in entries]
    return {
        "requests": len(entries),
        "per_second": round(len(entries) / seconds, 3) if seconds > 0 else None,
        "client_errors": sum(status.startswith("4") for status in statuses),
        "server_errors": sum(status.startswith("5") for status in statuses),
        "p50_ms": percentile(durations, 50),
        "p95_ms": percentile(durations, 95),
        "p99_ms": percentile(durations, 99),
        "histogram": _histogram(durations),
    }


def _histogram(durations: Iterable[float]) -> list[int]:
    counts = [0] * (len(BOUNDS_MS) + 1)
    for duration in durations:
        counts[bisect_left(BOUNDS_MS, duration)] += 1
    return counts

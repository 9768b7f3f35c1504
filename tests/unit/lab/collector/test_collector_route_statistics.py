"""The collector's statistics of each route: percentiles, rate, errors, and a histogram."""

from typing import Any

from lab.collector.traces.route_statistics import BOUNDS_MS, percentile, route_statistics


def entry(
    server_ms: float, *, status: int | None = 200, route: str | None = "/x"
) -> dict[str, Any]:
    """Return a list entry with only the fields that the statistics read."""
    return {"method": "GET", "route": route, "status": status, "server_ms": server_ms}


def test_a_percentile_is_one_of_the_values() -> None:
    """By the nearest-rank method, at least 95 % of the values are less than or equal to the p95."""
    values = [float(value) for value in range(1, 21)]
    assert [percentile(values, percent) for percent in (50, 95, 99)] == [10, 19, 20]
    assert [percentile([7.0], percent) for percent in (50, 95, 99)] == [7, 7, 7]


def test_each_route_has_its_own_statistics() -> None:
    """The route with the most requests comes first; a request without a route counts, too."""
    entries = [entry(ms, status=status) for ms, status in ((1, 200), (1.5, 404), (9000, 503))]
    first, second = route_statistics([entry(4, route=None, status=None), *entries], seconds=2)
    assert first == {
        "method": "GET",
        "route": "/x",
        "requests": 3,
        "per_second": 1.5,
        "client_errors": 1,
        "server_errors": 1,
        "p50_ms": 1.5,
        "p95_ms": 9000,
        "p99_ms": 9000,
        # A value that equals a bound counts in the bar below the bound. The last bar has no bound.
        "histogram": [1, 1, *[0] * (len(BOUNDS_MS) - 2), 1],
    }
    assert (second["route"], second["requests"], second["server_errors"]) == (None, 1, 0)


def test_a_single_request_has_no_rate() -> None:
    """No time passes between the first and the last request, so there is no time to divide by."""
    (only,) = route_statistics([entry(1)], seconds=0)
    assert only["per_second"] is None

"""The entry of a trace in the list of requests: its summary, and more fields for the filter."""

import re
from collections.abc import Iterator
from typing import Final

from lab.collector.ingest.stages import LOAD_BALANCER
from lab.collector.traces.documents import Document, summary
from lab.collector.traces.store import Trace

_HEALTH_CHECKS: Final = {"/livez", "/readyz", "/metrics"}
# The end of a path. In its spans, the service replaces the names of its files by `{asset}`.
_ASSET: Final = re.compile(r"/(\{asset\}|[^/]+\.(css|js|map|svg|png|ico|webp|woff2))$")
_USER_IN_PATH: Final = re.compile(r"/api/users/(\d+)(?:/|$)")
_FIRST_ERROR: Final = 400


def entry(trace: Trace) -> Document:
    """Return the entry. The entry is computed again only after the trace has changed.

    An entry has the fields of the summary and three more: `server_ms` (the duration at the load
    balancer, or else in the app, or else of the trace), `user_ids` (the signed-in user, and the
    user in the path), and `background` (whether the list hides the request by default).
    """
    if trace.entry is None:
        trace.entry = _entry(trace)
    return trace.entry


def _entry(trace: Trace) -> Document:
    shown = summary(trace)
    return {
        **shown,
        "server_ms": _server_ms(trace, shown["duration_ms"]),
        "user_ids": list(dict.fromkeys(_user_ids(trace, shown["path"]))),
        "background": _is_background(shown),
    }


def _server_ms(trace: Trace, otherwise: float) -> float:
    # Not the duration of a client's span: it would include the time to connect, and most traces
    # have no client's span.
    for stage in (LOAD_BALANCER, "app"):
        durations = [span.duration_ns for span in trace.spans.values() if span.stage == stage]
        if durations:
            return round(max(durations) / 1_000_000, 3)
    return otherwise


def _user_ids(trace: Trace, path: object) -> Iterator[str]:
    for span in trace.spans.values():
        if (user_id := span.attributes.get("user.id")) is not None:
            yield str(user_id)
    if match := _USER_IN_PATH.match(str(path)):
        yield match[1]


def _is_background(shown: Document) -> bool:
    path, status = shown["path"], shown["status"]
    if path is None and shown["processes"] == [LOAD_BALANCER]:
        # Only the load balancer has sent spans. So this is a health check, or another request that
        # the service did not trace. The list hides it, unless the load balancer sent an error.
        return isinstance(status, int) and status < _FIRST_ERROR
    return path in _HEALTH_CHECKS or _ASSET.search(str(path)) is not None

"""How many requests are traced: `TRACE_LIMIT`."""

import time
from typing import Final

from limits import parse
from starlette.datastructures import Headers
from starlette.types import Scope

from app.middleware.access_log import PROBES

_ALWAYS_TRACED: Final = "roundtrip=always"


class TraceLimit:
    """Limits how many requests this process traces.

    It decides before a span exists. OpenTelemetry's sampler then decides about the requests that
    are left. On the fastest route, a traced request takes 3.6 times the processor time of an
    untraced one (docs/performance.md): without a limit, a busy process has less time to serve.
    """

    def __init__(self, limit: str | None) -> None:
        """Take one limit in slowapi's notation; None is no limit."""
        # Counted here: the storage in memory of `limits` starts a thread for most of its counts.
        self._limit = parse(limit) if limit is not None else None
        self._left = 0
        self._window_ends = 0.0

    def excludes(self, scope: Scope) -> bool:
        """Return whether no span of this request is to be made.

        A client that needs its trace in any case sends `tracestate: roundtrip=always` (W3C Trace
        Context, section 3.3).
        """
        if scope.get("path") in PROBES:
            return True
        if self._limit is None or _is_always_traced(Headers(scope=scope)):
            return False
        now = time.monotonic()
        if now >= self._window_ends:
            self._window_ends = now + self._limit.get_expiry()
            self._left = self._limit.amount
        self._left -= 1
        return self._left < 0


def _is_always_traced(headers: Headers) -> bool:
    members = ",".join(headers.getlist("tracestate")).split(",")
    return _ALWAYS_TRACED in (member.strip() for member in members)

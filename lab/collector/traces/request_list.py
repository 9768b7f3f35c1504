"""The JSON of the list of requests, and of the statistics of each route."""

from collections.abc import Iterable
from heapq import nlargest

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.collector.parameters import number
from lab.collector.traces.documents import Document
from lab.collector.traces.entries import entry
from lab.collector.traces.filters import Filter, cursor_after, position, position_of
from lab.collector.traces.route_statistics import BOUNDS_MS, route_statistics
from lab.collector.traces.store import MAX_TRACES, Store

_DEFAULT_LIMIT = 50


def previous_request(own: Document, entries: Iterable[Document]) -> str | None:
    """Return the trace id of the last request before `own` with the same method and route, or None.

    A request without a route is compared by its path.
    """
    earlier = (it for it in entries if position(it) < position(own) and _route(it) == _route(own))
    previous = max(earlier, key=position, default=None)
    return previous["trace_id"] if previous else None


def _route(entry: Document) -> tuple[object, object]:
    return entry["method"], entry["route"] or entry["path"]


class RequestListApi:
    """The endpoints that read all traces of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def routes(self) -> list[Route]:
        """The routes of the API."""
        return [
            Route("/lab/api/traces", self.traces),
            Route("/lab/api/routes", self.statistics),
        ]

    async def traces(self, request: Request) -> Response:
        """Return one page of the list of traces that match the filter, the newest first.

        `total` counts the traces of all pages. `next_cursor` is null on the last page.
        """
        limit = number(request, "limit", _DEFAULT_LIMIT, MAX_TRACES)
        wanted, before = Filter.of(request), position_of(request)
        matching = [it for it in map(entry, self._store.newest()) if wanted.matches(it)]
        reached = [it for it in matching if before is None or position(it) < before]
        items = nlargest(limit, reached, key=position)
        more = len(reached) > len(items)
        return JSONResponse(
            {
                "items": items,
                "next_cursor": cursor_after(items[-1]) if more else None,
                "total": len(matching),
            }
        )

    async def statistics(self, _: Request) -> Response:
        """Show the statistics of each route, over all traces that the list shows by default."""
        traces = [it for it in self._store.newest() if not entry(it)["background"]]
        arrivals = [it.arrived_at for it in traces]
        seconds = max(arrivals) - min(arrivals) if arrivals else 0.0
        return JSONResponse(
            {
                "items": route_statistics(map(entry, traces), seconds),
                "bounds_ms": BOUNDS_MS,
                "requests": len(traces),
                "seconds": round(seconds, 3),
            }
        )

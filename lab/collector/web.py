"""What is served where: OTLP for processes, and below /lab JSON and the page for people."""

import asyncio
import signal
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from hmac import compare_digest
from time import monotonic

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from lab.collector import otlp, plans, source
from lab.collector.announcements import Announcements
from lab.collector.documents import document, summary
from lab.collector.door import Door
from lab.collector.intake import body_of
from lab.collector.page import page, static_files
from lab.collector.problems import Problem, on_problem
from lab.collector.store import MOST_TRACES, Store, Trace

_USUAL_LIMIT = 50


class Collector:
    """The collector's endpoints, around one store."""

    def __init__(self, database_url: str, service_key: str) -> None:
        self._database_url = database_url
        self._authorization = f"Bearer {service_key}".encode()
        self.store = Store()
        self.announcements = Announcements(self.store)

    async def receive(self, request: Request) -> Response:
        """Take spans (OTLP/HTTP)."""
        body = await body_of(request)
        received = otlp.read(body, from_service=self._is_from_service(request))
        too_many = self.store.add(received.spans, monotonic())
        self.announcements.note_news()
        return Response(otlp.answer(received.rejected + too_many), media_type=otlp.MEDIA_TYPE)

    async def traces(self, request: Request) -> Response:
        """List the newest traces."""
        limit = _number(request, "limit", _USUAL_LIMIT, MOST_TRACES)
        newest = zip(range(limit), self.store.newest(), strict=False)
        return JSONResponse({"items": [summary(trace) for _, trace in newest]})

    async def trace(self, request: Request) -> Response:
        """Show one trace with its spans."""
        return JSONResponse(document(self._trace(request)))

    async def plan(self, request: Request) -> Response:
        """Explain the statement of one span of the service."""
        span = self._trace(request).spans.get(request.path_params["span_id"])
        statement = span.attributes.get("db.query.text") if span else None
        if span is None or not isinstance(statement, str):
            raise Problem(404, "There is no such span with a statement in it.")
        if not span.from_service:
            raise Problem(422, "Only statements that the service itself has sent are explained.")
        lines = await plans.plan_of(self._database_url, statement)
        return JSONResponse({"sql": statement, "plan": lines})

    async def source(self, request: Request) -> Response:
        """Show lines of the service."""
        line = _number(request, "line", 1, 1_000_000)
        return JSONResponse(source.excerpt(request.query_params.get("file", ""), line))

    async def events(self, _: Request) -> Response:
        """Tell of each trace when it is complete."""
        return StreamingResponse(self.announcements.listen(), media_type="text/event-stream")

    def _is_from_service(self, request: Request) -> bool:
        # As bytes: `compare_digest` refuses text that is not ASCII.
        given = request.headers.get("authorization", "").encode("latin-1")
        return compare_digest(given, self._authorization)

    def _trace(self, request: Request) -> Trace:
        trace = self.store.get(request.path_params["trace_id"])
        if trace is None:
            raise Problem(404, f"There is no such trace among the last {MOST_TRACES}.")
        return trace

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Watch for complete traces, and end the streams when the stack is about to stop."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self.announcements.end_streams)
        watching = asyncio.create_task(self.announcements.watch())
        yield
        loop.remove_signal_handler(signal.SIGUSR1)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


def create_app(database_url: str, service_key: str, allowed_hosts: Collection[str]) -> Starlette:
    """Build the collector.

    It asks `database_url` for plans, by a connection that only reads, and only for statements in
    spans whose sender has the `service_key`.
    """
    collector = Collector(database_url, service_key)
    one = "/lab/api/traces/{trace_id}"
    app = Starlette(
        routes=[
            Route("/v1/traces", collector.receive, methods=["POST"]),
            Route("/lab/v1/traces", collector.receive, methods=["POST"]),
            Route("/lab", page),
            Route("/lab/", page),
            Route("/lab/api/traces", collector.traces),
            Route("/lab/api/events", collector.events),
            Route("/lab/api/source", collector.source),
            Route(one, collector.trace),
            Route(one + "/spans/{span_id}/plan", collector.plan),
            *static_files(),
        ],
        middleware=[Middleware(Door, allowed_hosts=allowed_hosts)],
        exception_handlers={
            Problem: on_problem,
            HTTPException: on_problem,
            Exception: on_problem,
        },
        lifespan=collector.lifespan,
    )
    # A redirect would be built from the Host header.
    app.router.redirect_slashes = False
    return app


def _number(request: Request, name: str, usual: int, most: int) -> int:
    text = request.query_params.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most))):
        raise Problem(422, f"{name} is a number from 1 to {most}.")
    if not 1 <= int(text) <= most:
        raise Problem(422, f"{name} is a number from 1 to {most}.")
    return int(text)

"""The collector's routes: OTLP for processes, and under /lab the pages and their JSON."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from hmac import compare_digest
from time import monotonic

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from lab.collector.details import logs, plans, source
from lab.collector.errors import Problem
from lab.collector.ingest import otlp
from lab.collector.ingest.intake import media_type, read_body
from lab.collector.parameters import number
from lab.collector.problems import handle_error
from lab.collector.security import SecurityMiddleware
from lab.collector.settings import Settings
from lab.collector.traces.announcements import EventStreams, TraceEvents
from lab.collector.traces.documents import document
from lab.collector.traces.entries import entry
from lab.collector.traces.request_list import RequestListApi, previous_request
from lab.collector.traces.store import MAX_TRACES, Store, Trace
from lab.mail import smtp
from lab.mail.mailbox import Kept, Mailbox
from lab.mail.message import summary as message_summary
from lab.mail.web import MailApi
from lab.stack.config.paths import CHECKOUT

_STATIC = CHECKOUT / "lab" / "page" / "static"


class Collector:
    """The collector's endpoints, which share one store of traces."""

    def __init__(self, settings: Settings, mailbox: Mailbox) -> None:
        self._settings = settings
        self._authorization = f"Bearer {settings.service_key}".encode()
        self.store = Store()
        self._streams = EventStreams()
        self.trace_events = TraceEvents(self.store, self._streams)
        self._mailbox = mailbox

    async def receive(self, request: Request) -> Response:
        """Receive spans (OTLP/HTTP)."""
        body = await read_body(request)
        sent_as = media_type(request)
        received = otlp.read(body, sent_as, from_service=self._is_from_service(request))
        too_many = self.store.add(received.spans, monotonic())
        self.trace_events.notify()
        answer = otlp.response_body(received.rejected + too_many, sent_as)
        return Response(answer, media_type=sent_as)

    async def trace(self, request: Request) -> Response:
        """Show one trace with its spans, and the id of the previous request to the same route."""
        trace = self._trace(request)
        previous = previous_request(entry(trace), map(entry, self.store.newest()))
        return JSONResponse({**document(trace), "previous_trace_id": previous})

    async def plan(self, request: Request) -> Response:
        """Show PostgreSQL's plan of the statement in one span of the service."""
        span = self._trace(request).spans.get(request.path_params["span_id"])
        statement = span.attributes.get("db.query.text") if span else None
        if span is None or not isinstance(statement, str):
            raise Problem(404, "There is no such span with a statement.")
        if not span.from_service:
            raise Problem(422, "Only statements of the service itself are explained.")
        lines = await plans.plan_of(self._settings.database_url, statement)
        return JSONResponse({"sql": statement, "plan": lines})

    async def logs(self, request: Request) -> Response:
        """Show the service's log lines of one trace. `file` is null if there is no log file."""
        trace, log = self._trace(request), self._settings.service_log
        if log is None:
            return JSONResponse({"file": None, "lines": []})
        lines = await asyncio.to_thread(logs.lines_of, trace.trace_id, log)
        return JSONResponse({"file": log.name, "lines": lines})

    async def source(self, request: Request) -> Response:
        """Show the service's source code around a line."""
        line = number(request, "line", 1, 1_000_000)
        return JSONResponse(source.excerpt(request.query_params.get("file", ""), line))

    async def events(self, _: Request) -> Response:
        """Stream each complete trace, as an entry of the list, and the summary of each message."""
        return StreamingResponse(self._streams.subscribe(), media_type="text/event-stream")

    def _announce_message(self, kept: Kept) -> None:
        self._streams.send("mail", message_summary(kept))

    def _is_from_service(self, request: Request) -> bool:
        # Bytes, because `compare_digest` refuses a `str` that is not ASCII.
        given = request.headers.get("authorization", "").encode("latin-1")
        return compare_digest(given, self._authorization)

    def _trace(self, request: Request) -> Trace:
        trace = self.store.get(request.path_params["trace_id"])
        if trace is None:
            raise Problem(404, f"There is no such trace among the last {MAX_TRACES}.")
        return trace

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Announce traces and receive messages. The stack ends the event streams with SIGUSR1."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self._streams.end)
        watching = asyncio.create_task(self.trace_events.watch())
        async with smtp.listening(self._settings.smtp_port, self._mailbox, self._announce_message):
            yield
        loop.remove_signal_handler(signal.SIGUSR1)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


def create_app(settings: Settings, mailbox: Mailbox) -> Starlette:
    """Build the collector, with the mailbox, which receives messages on `smtp_port`."""
    collector = Collector(settings, mailbox)
    trace_path = "/lab/api/traces/{trace_id}"
    app = Starlette(
        routes=[
            Route("/v1/traces", collector.receive, methods=["POST"]),
            Route("/lab/v1/traces", collector.receive, methods=["POST"]),
            Route("/lab", _requests_page),
            Route("/lab/", _requests_page),
            Route("/lab/mail", _mail_page),
            *MailApi(mailbox).routes,
            *RequestListApi(collector.store).routes,
            Route("/lab/api/events", collector.events),
            Route("/lab/api/source", collector.source),
            Route(trace_path, collector.trace),
            Route(trace_path + "/logs", collector.logs),
            Route(trace_path + "/spans/{span_id}/plan", collector.plan),
            Mount("/lab/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[Middleware(SecurityMiddleware, allowed_hosts=settings.allowed_hosts)],
        exception_handlers=dict.fromkeys((Problem, HTTPException, Exception), handle_error),
        lifespan=collector.lifespan,
    )
    # Redirects are off, because a redirect's URL would contain the Host header of the request.
    app.router.redirect_slashes = False
    return app


async def _requests_page(_: Request) -> Response:
    return FileResponse(_STATIC / "index.html")


async def _mail_page(_: Request) -> Response:
    return FileResponse(_STATIC / "mail" / "mail.html")

"""One request as JSON: what `lab trace --json` prints, one document per line.

    trace_id, request_id     the ids that servers use for the request; request_id may be null
    started_at               RFC 3339, microseconds, UTC
    duration_ms              of the root span: the whole request, as measured by the client
    method, path, status     the path contains no values of query parameters
    route                    the server's pattern, /api/users/{user_id}; null if unknown
    processes                the processes that took part, the client first
    stages                   the number of stages
    cache                    hit, miss, or null; bypass (the cache was not used) only if `joined`
                             is true
    joined                   true if a collector provided the server's spans; if false, the server's
                             spans are only those in the response's Server-Timing header
    page                     the address that shows the trace on the lab's page, or null
    previous_trace_id        of the previous request to the same route; only if `joined` is true
    untraced_ms              the largest untraced gap: time that no leaf stage covers
    spans                    by start, parents before children, each with:
      id, parent_id          parent_id is null for a root
      process, stage, name   stage is one of a fixed vocabulary; name is the span's own name
      start_ms, duration_ms  start_ms is relative to the start of the trace; null if only the
                             duration is known (Server-Timing)
      depth, error           depth is 0 for a root; error is true if the stage failed
      problem                the code of the service's problem document for this error, or null
      problem_detail         what has happened, and what the client should do next, or null
      attributes             the attributes of the OpenTelemetry span
      code                   {"file", "line", "function"} or null
    response                 version, status, reason, headers ([name, value] pairs), body (parsed if
                             it is JSON, a string if it is other text, otherwise null) and its
                             length body_bytes. The response is unredacted: it may contain a token.

If a collector sends more names, `lab trace` prints them too. A later version may add names, but
does not remove a name or change its meaning.
"""

import json

from lab.collector.ingest import otlp
from lab.collector.traces import documents
from lab.collector.traces.store import Trace
from lab.trace.client.http_connection import Response
from lab.trace.client.sending import Exchange
from lab.trace.client.spans import to_otlp
from lab.trace.collector_client import Document
from lab.trace.output.server_timing import server_timing


def client_document(exchange: Exchange) -> Document:
    """Return a trace of the client's own stages and the stages in the Server-Timing header."""
    context, response = exchange.context, exchange.response
    trace = Trace(context.trace_id)
    for span in otlp.read(to_otlp(context, exchange.spans)).spans:
        trace.add(span)
    document = documents.document(trace)
    entries = document["spans"]
    wait = next(index for index, entry in enumerate(entries) if entry["stage"] == "wait")
    entries[wait + 1 : wait + 1] = server_timing(response.header("Server-Timing"), context.wait_id)
    return {
        **document,
        "path": exchange.spec.target.shown_path,
        "processes": list(dict.fromkeys(entry["process"] for entry in entries)),
        "stages": len(entries),
        "cache": _cache(response),
        "joined": False,
    }


def with_response(document: Document, response: Response) -> Document:
    """Return the document with the response added."""
    return {
        **document,
        "response": {
            "version": f"HTTP/{response.version}",
            "status": response.status,
            "reason": response.reason,
            "headers": [list(header) for header in response.headers],
            "body": parsed_body(response),
            "body_bytes": len(response.body),
        },
    }


def parsed_body(response: Response) -> object:
    """Return the parsed JSON of the body, or other text as a string. None if empty or binary."""
    try:
        text = response.body.decode()
    except UnicodeDecodeError:
        return None
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError):
        return text or None
    return parsed


def _cache(response: Response) -> str | None:
    value = (response.header("X-Cache") or "").lower()
    return value if value in {"hit", "miss", "bypass"} else None

"""One request as JSON: what `lab trace --json` prints, one document per line.

    trace_id, request_id     the ids that servers use for the request; request_id may be null
    started_at               RFC 3339, microseconds, UTC
    duration_ms              of the root span: the whole request, as measured by the client
    method, path, status     path without the values of its parameters
    route                    the server's pattern, /api/users/{user_id}; null if unknown
    processes                the processes that took part, the client first
    stages                   the number of stages
    cache                    hit, miss, or null
    joined                   true if a collector provided the server's spans; if false, the server's
                             spans are only those in the response's Server-Timing header
    unnamed_ms               the largest untraced gap: time that no leaf stage covers
    spans                    by start, parents before children, each with:
      id, parent_id          parent_id is null for a root
      process, stage, name   stage is one of a fixed vocabulary; name is the span's own name
      start_ms, duration_ms  start_ms is relative to the start of the trace; null if only the
                             duration is known (Server-Timing)
      depth, error           depth is 0 for a root; error is true if the stage failed
      attributes             OpenTelemetry's
      code                   {"file", "line", "function"} or null
    response                 version, status, reason, headers ([name, value] pairs), body (parsed if
                             it is JSON, a string if it is other text, otherwise null) and its
                             length body_bytes. The response is unredacted: it may contain a token.

Other names that a collector sends are passed on. A later version may add names, but does not remove
a name or change its meaning.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from lab.trace.collector import Document
from lab.trace.line import Response
from lab.trace.measuring import NS_PER_MS
from lab.trace.server_timing import server_timing
from lab.trace.spans import PROCESS, STAGE_ATTRIBUTE, ClientSpan, Context
from lab.trace.target import Target

Entry = dict[str, Any]


def client_document(
    context: Context, spans: Sequence[ClientSpan], method: str, target: Target, response: Response
) -> Document:
    """Return a trace of the client's own stages and the stages in the Server-Timing header."""
    root = spans[0].stage
    entries = [_entry(span, root.begin, context) for span in spans]
    server_entries = server_timing(response.header("Server-Timing"), context.wait_id)
    wait = next(index for index, entry in enumerate(entries) if entry["stage"] == "wait")
    entries[wait + 1 : wait + 1] = server_entries
    traced = [entry for entry in entries[1:] if entry["start_ms"] is not None]
    return {
        "trace_id": context.trace_id,
        "started_at": _time(root.begin),
        "duration_ms": _milliseconds(root.end - root.begin),
        "method": method,
        "path": target.shown_path,
        "route": None,
        "status": response.status,
        "processes": list(dict.fromkeys(entry["process"] for entry in entries)),
        "stages": len(entries),
        "cache": _cache(response),
        "request_id": response.header("X-Request-ID"),
        "joined": False,
        "unnamed_ms": longest_gap_ms(traced, _milliseconds(root.end - root.begin)),
        "spans": entries,
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


def longest_gap_ms(traced: Iterable[Entry], duration_ms: float) -> float:
    """Return the longest time between 0 and `duration_ms` that no entry covers."""
    longest = reached = 0.0
    for start, end in sorted((e["start_ms"], e["start_ms"] + e["duration_ms"]) for e in traced):
        longest, reached = max(longest, start - reached), max(reached, end)
    return round(max(longest, duration_ms - reached, 0.0), 3)


def _entry(span: ClientSpan, begin: int, context: Context) -> Entry:
    stage = span.stage
    is_root = span.id == context.root_id
    return {
        "id": span.id,
        "parent_id": span.parent_id,
        "process": PROCESS,
        "stage": stage.name,
        "name": stage.name,
        "start_ms": _milliseconds(stage.begin - begin),
        "duration_ms": _milliseconds(stage.end - stage.begin),
        "depth": 0 if is_root else 1,
        "error": stage.failed,
        "attributes": {STAGE_ATTRIBUTE: stage.name, **stage.attributes},
        "code": None,
    }


def _cache(response: Response) -> str | None:
    value = (response.header("X-Cache") or "").lower()
    return value if value in {"hit", "miss"} else None


def _milliseconds(nanoseconds: int) -> float:
    return round(nanoseconds / NS_PER_MS, 3)


def _time(nanoseconds: int) -> str:
    moment = datetime.fromtimestamp(nanoseconds / 1e9, UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")

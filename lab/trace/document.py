"""One request as JSON: what `lab trace --json` prints, one document a line.

    trace_id, request_id     the ids under which servers know it; request_id may be null
    started_at               RFC 3339, microseconds, UTC
    duration_ms              of the root span: the whole request as its client saw it
    method, path, status     path without the values of its parameters
    route                    the server's pattern, /api/users/{user_id}; null if unknown
    processes                who took part, the client first
    stages                   how many stages there are
    cache                    hit, miss, or null
    joined                   whether a collector gave the server's spans; if false, they are only
                             those that the response's Server-Timing header names
    unnamed_ms               the longest stretch of the request that no leaf stage covers
    spans                    by their start, parents before children, each with:
      id, parent_id          parent_id is null for a root
      process, stage, name   stage is a word of the vocabulary; name is the span's own
      start_ms, duration_ms  start_ms counts from the trace's beginning; null if only the length
                             is known (Server-Timing)
      depth, error           0 for a root; whether it failed
      attributes             OpenTelemetry's
      code                   {"file", "line", "function"} or null
    response                 version, status, reason, headers ([name, value] pairs), body (JSON as
                             such, other text as a string, null when it is neither) and its
                             length body_bytes. This is what came back: it may hold a token.

What a collector adds beyond that is passed on. Nothing of this is removed or given another meaning;
names may be added.
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


def of_client(
    context: Context, spans: Sequence[ClientSpan], method: str, target: Target, response: Response
) -> Document:
    """Return what the client alone knows, and what the response's Server-Timing adds."""
    root = spans[0].stage
    entries = [_entry(span, root.begin, context) for span in spans]
    served = server_timing(response.header("Server-Timing"), context.wait_id)
    wait = next(number for number, one in enumerate(entries) if one["stage"] == "wait")
    entries[wait + 1 : wait + 1] = served
    named = [one for one in entries[1:] if one["start_ms"] is not None]
    return {
        "trace_id": context.trace_id,
        "started_at": _time(root.begin),
        "duration_ms": _milliseconds(root.end - root.begin),
        "method": method,
        "path": target.shown_path,
        "route": None,
        "status": response.status,
        "processes": list(dict.fromkeys(one["process"] for one in entries)),
        "stages": len(entries),
        "cache": _cache(response),
        "request_id": response.header("X-Request-ID"),
        "joined": False,
        "unnamed_ms": longest_gap(named, _milliseconds(root.end - root.begin)),
        "spans": entries,
    }


def with_response(document: Document, response: Response) -> Document:
    """Return the document completed by what came back."""
    return {
        **document,
        "response": {
            "version": f"HTTP/{response.version}",
            "status": response.status,
            "reason": response.reason,
            "headers": [list(header) for header in response.headers],
            "body": body_of(response),
            "body_bytes": len(response.body),
        },
    }


def body_of(response: Response) -> object:
    """Return JSON as such, other text as a string; None when it is neither, or nothing."""
    try:
        text = response.body.decode()
    except UnicodeDecodeError:
        return None
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError):
        return text or None
    return parsed


def longest_gap(named: Iterable[Entry], duration_ms: float) -> float:
    """Return the longest stretch between 0 and the end that none of the entries covers."""
    longest = reached = 0.0
    for start, end in sorted((e["start_ms"], e["start_ms"] + e["duration_ms"]) for e in named):
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

"""Sends the client's spans to a collector, and reads the whole trace from the collector."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from lab.http_client import Response, send
from lab.trace.client.failures import UsageError
from lab.trace.client.target import RunningStack

# Servers send their spans in batches, so the spans arrive a moment after the response.
MAX_WAIT_SECONDS: Final = 2.0
_POLL_INTERVAL_SECONDS: Final = 0.05
# A trace is complete if it has spans of all expected processes, and no other span arrives for this
# time.
_SETTLED_AFTER_SECONDS: Final = 0.3
_TIMEOUT_SECONDS: Final = 1.0

Document = dict[str, Any]


@dataclass(frozen=True)
class Collector:
    """An OTLP/HTTP receiver. The lab's own collector also returns whole traces."""

    spans_url: str
    traces_url: str
    page_url: str | None = None
    """The page that shows traces. None if only an endpoint for spans is known."""

    @classmethod
    def find(
        cls,
        given: str | None,
        stack: RunningStack | None,
        environment: Mapping[str, str] = os.environ,
    ) -> "Collector | None":
        """Return the first that exists: the collector at `given`, of the stack, of the environment.

        `given` is the origin of a stack's load balancer, such as http://localhost:8080. In the
        environment, OTEL_EXPORTER_OTLP_ENDPOINT is the address of a collector.

        :raises UsageError: when an address is invalid.
        """
        if origin := given or (stack and stack.http_origin):
            origin = _validated(origin, "--collector")
            return cls(f"{origin}/lab/v1/traces", f"{origin}/lab/api/traces", f"{origin}/lab")
        if endpoint := environment.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
            endpoint = _validated(endpoint, "OTEL_EXPORTER_OTLP_ENDPOINT")
            return cls(f"{endpoint}/v1/traces", f"{endpoint}/lab/api/traces")
        return None

    def page_of(self, trace_id: str) -> str | None:
        """Return the address at which the lab's page shows a trace. None without a `page_url`."""
        return f"{self.page_url}#trace={trace_id}" if self.page_url else None

    def send_spans(self, spans: bytes) -> bool:
        """Send the result of `to_otlp`. Return whether the collector accepted it; never raise."""
        response = _send("POST", self.spans_url, spans)
        return response is not None and response.status == HTTPStatus.OK

    def wait_for_trace(
        self,
        trace_id: str,
        is_complete: Callable[[Document], bool],
        *,
        seconds: float | None = None,
    ) -> Document | None:
        """Return the trace as soon as it is complete and no more spans arrive.

        After `seconds` (by default `MAX_WAIT_SECONDS`), return the spans that have arrived so far.
        If the collector does not respond, or is not a collector of the lab, do not wait longer.
        Return None if no span has arrived.
        """
        deadline = time.monotonic() + (seconds or MAX_WAIT_SECONDS)
        document, changed_at = None, time.monotonic()
        while (now := time.monotonic()) < deadline:
            response = _send("GET", f"{self.traces_url}/{trace_id}")
            latest = response and _document_in(response)
            if response is None or (latest is None and not _is_problem(response)):
                return document
            if latest and (document is None or len(latest["spans"]) != len(document["spans"])):
                document, changed_at = latest, now
            if document and is_complete(document) and now - changed_at >= _SETTLED_AFTER_SECONDS:
                return document
            time.sleep(_POLL_INTERVAL_SECONDS)
        return document


def _send(method: str, url: str, spans: bytes | None = None) -> Response | None:
    headers = {"Content-Type": "application/x-protobuf"} if spans is not None else {}
    try:
        return send(method, url, headers=headers, body=spans, timeout_s=_TIMEOUT_SECONDS)
    except OSError:
        return None


def _is_problem(response: Response) -> bool:
    return response.headers.get_content_type() == "application/problem+json"


def _document_in(response: Response) -> Document | None:
    """Return the trace in the body. None if the body is not a trace."""
    if response.status != HTTPStatus.OK:
        return None
    try:
        parsed = response.json()
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) and "spans" in parsed else None


def _validated(url: str, source: str) -> str:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise UsageError(f"{source}: `{url}` is not an address such as http://localhost:8080.")
    return url.rstrip("/")

"""Where the client's spans go, and where the joined trace comes from."""

import http.client
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from lab.trace.failures import UsageError
from lab.trace.target import Nearby

# Servers send their spans in batches, so they come a moment after the response.
PATIENCE_S: Final = 2.0
_ASK_EVERY_S: Final = 0.05
# Without news for this long, a trace that has what it needs is taken for whole.
_QUIET_S: Final = 0.3
_TIMEOUT_S: Final = 1.0
_PROBLEM: Final = "application/problem+json"

Document = dict[str, Any]


@dataclass(frozen=True)
class Collector:
    """An OTLP/HTTP receiver; one of the lab's can also be asked for whole traces."""

    spans_url: str
    traces_url: str

    @classmethod
    def find(
        cls, given: str | None, nearby: Nearby | None, environment: Mapping[str, str] = os.environ
    ) -> "Collector | None":
        """Return the given one, else the running stack's, else OTEL_EXPORTER_OTLP_ENDPOINT's.

        `given` is the origin of a stack's load balancer, such as http://localhost:8080.

        :raises UsageError: when an address is none.
        """
        if lab := given or (nearby and nearby.http):
            lab = _checked(lab, "--collector")
            return cls(f"{lab}/lab/v1/traces", f"{lab}/lab/api/traces")
        if endpoint := environment.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
            endpoint = _checked(endpoint, "OTEL_EXPORTER_OTLP_ENDPOINT")
            return cls(f"{endpoint}/v1/traces", f"{endpoint}/lab/api/traces")
        return None

    def take(self, spans: bytes) -> bool:
        """Whether it took the spans (`to_otlp`). Never raises."""
        answer = _call("POST", self.spans_url, spans)
        return answer is not None and answer.status == http.HTTPStatus.OK

    def joined(self, trace_id: str, is_enough: Callable[[Document], bool]) -> Document | None:
        """Return the trace once it has what `is_enough` asks for and nothing more comes.

        After two seconds as it then is. None if this is no collector of the lab's.
        """
        deadline = time.monotonic() + PATIENCE_S
        document, quiet_since = None, time.monotonic()
        while (now := time.monotonic()) < deadline:
            answer = _call("GET", f"{self.traces_url}/{trace_id}")
            found = answer and answer.document()
            if answer is None or (found is None and answer.media_type != _PROBLEM):
                return document
            if found and (document is None or len(found["spans"]) != len(document["spans"])):
                document, quiet_since = found, now
            if document and is_enough(document) and now - quiet_since >= _QUIET_S:
                return document
            time.sleep(_ASK_EVERY_S)
        return document


@dataclass(frozen=True)
class _Answer:
    status: int
    media_type: str
    body: bytes

    def document(self) -> Document | None:
        """Return the trace that it carries, if it does."""
        if self.status != http.HTTPStatus.OK:
            return None
        try:
            found = json.loads(self.body)
        except ValueError:
            return None
        return found if isinstance(found, dict) and "spans" in found else None


def _call(method: str, url: str, body: bytes | None = None) -> _Answer | None:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    headers = {"Content-Type": "application/x-protobuf"} if body is not None else {}
    try:
        connection.request(method, f"{parts.path}", body, headers)
        response = connection.getresponse()
        media_type = response.headers.get_content_type()
        return _Answer(response.status, media_type, response.read())
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _checked(url: str, source: str) -> str:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise UsageError(f"{source}: `{url}` is no address such as http://localhost:8080.")
    return url.rstrip("/")

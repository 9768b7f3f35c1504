"""The response headers in the OpenAPI document."""

from collections.abc import Iterator
from typing import Any, Final

_HEADERS: Final = {
    "X-Request-ID": "the id of this request; quote it when you report a problem",
    "RateLimit-Policy": "the limits that this request counts towards",
    "RateLimit": "how many requests are left, and for how many seconds",
    "ETag": "the version of the resource, for If-Match and If-None-Match",
    "Location": "the path of the created resource, or the target of the redirect",
    "Link": "the first page and, if there is one, the next (RFC 8288)",
    "X-Cache": "`hit`, `miss`, or `bypass` if the cache was not used",
    "Idempotency-Replayed": "`true` if this is an earlier response, sent again",
    "WWW-Authenticate": '`Bearer`, with `error="invalid_token"` if a token was sent',
    "Retry-After": "seconds to wait",
}
_OPTIONAL: Final = {"RateLimit-Policy", "RateLimit", "Idempotency-Replayed"}
"""The headers that may be missing.

The RateLimit headers are missing for health checks, and if the service responds before it counts
the request. Only a response that is sent again has Idempotency-Replayed.
"""
_READ_STATUSES: Final = {"200", "304"}


def component_headers() -> dict[str, Any]:
    """Return the header components, by name. The responses refer to these components."""
    return {name: _component(name, text) for name, text in _HEADERS.items()}


def headers_of(operation: dict[str, Any], status: str, *, with_etag: bool) -> dict[str, Any]:
    """Return the headers of an operation's response, as references to the components."""
    names = [*_common(status), *_of_success(operation, status, with_etag=with_etag)]
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _component(name: str, text: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if name == "Retry-After":
        schema = {"type": "integer", "minimum": 0}
    return {"description": text, "required": name not in _OPTIONAL, "schema": schema}


def _common(status: str) -> Iterator[str]:
    yield from ("X-Request-ID", "RateLimit-Policy", "RateLimit")
    if status in {"201", "303"}:
        yield "Location"
    if status == "401":
        yield "WWW-Authenticate"
    if status in {"429", "503"}:
        yield "Retry-After"


def _of_success(operation: dict[str, Any], status: str, *, with_etag: bool) -> Iterator[str]:
    names = {parameter["name"] for parameter in operation.get("parameters", ())}
    if with_etag and status in {"200", "201", "304"}:
        yield "ETag"
    if operation.get("x-cached") and status in _READ_STATUSES:
        yield "X-Cache"
    if "cursor" in names and status in _READ_STATUSES:
        yield "Link"
    if "Idempotency-Key" in names and status == "201":
        yield "Idempotency-Replayed"

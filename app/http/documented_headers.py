"""The headers of responses, as the OpenAPI document describes them."""

from collections.abc import Iterator
from typing import Any, Final

_HEADERS: Final = {
    "X-Request-ID": "the id of this request, to be quoted in questions about it",
    "RateLimit-Policy": "the limits that this request counts towards",
    "RateLimit": "what is left of them, and for how many seconds",
    "ETag": "the version of what is sent, for If-Match and If-None-Match",
    "Location": "the path of what was made, or where the browser goes on",
    "Link": "the first page and, if there is one, the next (RFC 8288)",
    "X-Cache": "`hit`, `miss`, or `bypass` when the cache was not asked",
    "Idempotency-Replayed": "`true` when this is an earlier response once more",
    "WWW-Authenticate": '`Bearer`, with `error="invalid_token"` if a token was sent',
    "Retry-After": "seconds to wait",
}
_NOT_ALWAYS: Final = {"RateLimit-Policy", "RateLimit", "Idempotency-Replayed"}
"""Nothing is counted of a request that is refused before, or while the counters are away."""
_READ: Final = {"200", "304"}


def component_headers() -> dict[str, Any]:
    """Return each header once; responses refer to them."""
    return {name: _described(name, text) for name, text in _HEADERS.items()}


def headers_of(operation: dict[str, Any], status: str, *, with_etag: bool) -> dict[str, Any]:
    """Return the headers of a response of an operation, as references."""
    names = [*_always(status), *_of_success(operation, status, with_etag=with_etag)]
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _described(name: str, text: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if name == "Retry-After":
        schema = {"type": "integer", "minimum": 0}
    return {"description": text, "required": name not in _NOT_ALWAYS, "schema": schema}


def _always(status: str) -> Iterator[str]:
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
    if operation.get("x-cached") and status in _READ:
        yield "X-Cache"
    if "cursor" in names and status in _READ:
        yield "Link"
    if "Idempotency-Key" in names and status == "201":
        yield "Idempotency-Replayed"

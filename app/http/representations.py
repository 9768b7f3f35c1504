"""Turns representations into responses, with ETag, Cache-Control and 304."""

from starlette.requests import Request
from starlette.responses import Response

from app.http.request_state import state_of
from app.models.cached_reads import CachedBody
from app.schemas.bodies import Representation, etag_of
from app.schemas.preconditions import EntityTags

PRIVATE = "private, no-cache"
"""The Cache-Control of responses that depend on the user.

Only the user's browser may store such a response. It must revalidate the response at every use.
"""
PUBLIC = "public, no-cache"
"""The Cache-Control of responses that are the same for every client.

Any cache may store such a response, but must revalidate it at every use. Otherwise, a client that
reads again after a 412 would get the old version from its cache.
"""

NO_STORE_HEADERS = {"Cache-Control": "no-store"}
"""The headers of responses that no cache may store, such as tokens."""


def represent(
    request: Request,
    body: Representation,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    caching: str = PRIVATE,
) -> Response:
    """Return a response with a body and its ETag.

    If the request is a GET whose If-None-Match contains this ETag, the response is a 304 without
    the body (RFC 9110, section 13.1.2).
    """
    content = body.to_bytes()
    return _conditional(
        request, content, status, with_etag(content, headers or {}, caching=caching)
    )


def represent_cached(
    request: Request,
    cached: CachedBody,
    *,
    headers: dict[str, str] | None = None,
    caching: str = PRIVATE,
) -> Response:
    """Like `represent`, for a read through the cache. `X-Cache` reports the outcome of the read.

    Sets `cached` of the request state, so that `ResponseCache` can store the response.
    """
    all_headers = with_etag(cached.body, headers or {}, caching=caching)
    state = state_of(request.scope)
    state.cached, state.is_public = cached, caching == PUBLIC
    return _conditional(request, cached.body, 200, {**all_headers, "X-Cache": cached.outcome})


def represent_document(
    request: Request,
    content: bytes,
    media_type: str,
    *,
    headers: dict[str, str] | None = None,
    caching: str = PUBLIC,
) -> Response:
    """Like `represent`, for a page or a file. An `ETag` in `headers` replaces the computed ETag."""
    all_headers = with_etag(content, headers or {}, caching=caching)
    return _conditional(request, content, 200, all_headers, media_type=media_type)


def _conditional(
    request: Request,
    body: bytes,
    status: int,
    headers: dict[str, str],
    *,
    media_type: str = "application/json",
) -> Response:
    tags = entity_tags(request, "if-none-match") if request.method == "GET" else None
    if tags is not None and tags.match_weakly(headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, status, headers, media_type=media_type)


def with_etag(content: bytes, headers: dict[str, str], *, caching: str = PRIVATE) -> dict[str, str]:
    """Return `headers` with ETag and Cache-Control. Values in `headers` are not replaced."""
    etag = headers.get("ETag") or etag_of(content)
    return {"ETag": etag, "Cache-Control": caching, **headers}


def represent_unstored(
    body: Representation, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Return a response that no cache may store: it has no ETag, and is never a 304."""
    all_headers = {**NO_STORE_HEADERS, **(headers or {})}
    return Response(body.to_bytes(), status, all_headers, media_type="application/json")


def entity_tags(request: Request, header: str) -> EntityTags | None:
    """Parse If-Match or If-None-Match; None if the header is missing.

    Raises `MalformedHeader`.
    """
    values = request.headers.getlist(header)
    return EntityTags.parse(", ".join(values)) if values else None

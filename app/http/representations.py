"""A schema as a response: its bytes, its ETag, and what a cache may do with it."""

from starlette.requests import Request
from starlette.responses import Response

from app.http.request_state import state_of
from app.schemas.bodies import CachedBody, Representation, etag_of
from app.schemas.preconditions import EntityTags

PRIVATE = "private, no-cache"
"""For what depends on who asks: to be kept by them only, and revalidated each time."""
PUBLIC = "public, no-cache"
"""For what is the same for everybody: any cache may keep it, and revalidates it each time.

A client that reads again after a 412 would else get the old version out of its cache.
"""


def represent(
    request: Request,
    body: Representation,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    caching: str = PRIVATE,
) -> Response:
    """Send a body with its ETag.

    A GET whose If-None-Match names these very bytes gets 304 without them (RFC 9110,
    section 13.1.2).
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
    """Send what may have been read before, and say in `X-Cache` whether it was."""
    sent = with_etag(cached.body, headers or {}, caching=caching)
    state = state_of(request.scope)
    state.cached, state.is_public = cached, caching == PUBLIC
    return _conditional(request, cached.body, 200, {**sent, "X-Cache": cached.outcome})


def represent_document(
    request: Request,
    content: bytes,
    media_type: str,
    *,
    headers: dict[str, str] | None = None,
    caching: str = PUBLIC,
) -> Response:
    """Send a page or a file; an `ETag` among the headers saves its computation."""
    sent = with_etag(content, headers or {}, caching=caching)
    return _conditional(request, content, 200, sent, media_type=media_type)


def _conditional(
    request: Request,
    body: bytes,
    status: int,
    headers: dict[str, str],
    *,
    media_type: str = "application/json",
) -> Response:
    known = entity_tags(request, "if-none-match") if request.method == "GET" else None
    if known is not None and known.match_weakly(headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, status, headers, media_type=media_type)


def with_etag(content: bytes, headers: dict[str, str], *, caching: str = PRIVATE) -> dict[str, str]:
    """Return the headers that go with content that is bytes already."""
    etag = headers.get("ETag") or etag_of(content)
    return {"ETag": etag, "Cache-Control": caching, **headers}


def json_response(body: Representation, *, status: int = 200, headers: dict[str, str]) -> Response:
    """Send a body with just these headers."""
    return Response(body.to_bytes(), status, headers, media_type="application/json")


def entity_tags(request: Request, header: str) -> EntityTags | None:
    """Read If-Match or If-None-Match; None when it is not there."""
    values = request.headers.getlist(header)
    return EntityTags.parse(", ".join(values)) if values else None

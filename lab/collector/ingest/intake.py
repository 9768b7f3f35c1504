"""Reads a request's body within limits."""

import zlib
from typing import Final

from starlette.requests import ClientDisconnect, Request

from lab.collector.errors import Problem
from lab.collector.ingest.otlp import JSON, PROTOBUF

# An exporter sends at most 512 spans in one request: a few hundred kilobytes.
MAX_BODY_BYTES: Final = 4 * 1024 * 1024
# A browser sends only a few spans. The limit is low, because parsing JSON takes long and delays all
# other requests.
MAX_JSON_BYTES: Final = 64 * 1024

# This value makes zlib expect a gzip header.
_GZIP_WINDOW_BITS: Final = 16 + zlib.MAX_WBITS


def media_type(request: Request) -> str:
    """Return the media type of the body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(request: Request) -> bytes:
    """Return the body, decompressed.

    :raises Problem: 400 when the body or its gzip stream is incomplete or invalid, 413 when the
        body is too large, 415 when its type or compression is not supported.
    """
    limit = {PROTOBUF: MAX_BODY_BYTES, JSON: MAX_JSON_BYTES}.get(media_type(request))
    if limit is None:
        raise Problem(415, f"Send traces as {PROTOBUF} or {JSON}.")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip"}:
        raise Problem(415, "Send the body uncompressed or with gzip.")
    body = await _read(request, limit)
    return _decompressed(body, limit) if encoding == "gzip" else body


async def _read(request: Request, limit: int) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise _too_large(limit)
    except ClientDisconnect:
        raise Problem(400, "The body is incomplete.") from None
    return bytes(body)


def _decompressed(body: bytes, limit: int) -> bytes:
    stream = zlib.decompressobj(_GZIP_WINDOW_BITS)
    try:
        content = stream.decompress(body, limit + 1)
    except zlib.error:
        raise Problem(400, "The body is not gzip.") from None
    if len(content) > limit:
        raise _too_large(limit)
    if not stream.eof or stream.unused_data:
        raise Problem(400, "The body is not one complete gzip stream.")
    return content


def _too_large(limit: int) -> Problem:
    return Problem(413, f"A body has at most {limit} bytes, also after decompression.")

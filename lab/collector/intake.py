"""Reads a request's body within limits."""

import zlib
from typing import Final

from starlette.requests import ClientDisconnect, Request

from lab.collector.errors import Problem
from lab.collector.otlp import JSON, PROTOBUF

# An exporter sends at most 512 spans in one request. They need a few hundred kilobytes.
MAX_BODY_BYTES: Final = 4 * 1024 * 1024

# This value makes zlib expect a gzip header.
_GZIP_WINDOW_BITS: Final = 16 + zlib.MAX_WBITS


def media_type(request: Request) -> str:
    """Return the media type of the body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(request: Request) -> bytes:
    """Return the body, decompressed.

    :raises Problem: 400 when the body is incomplete or is not gzip, 413 when it is too large, 415
        when its type or compression is not supported.
    """
    if media_type(request) not in {PROTOBUF, JSON}:
        raise Problem(415, f"Send traces as {PROTOBUF}: OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip"}:
        raise Problem(415, "Send the body uncompressed or with gzip.")
    body = await _read(request)
    return _decompressed(body) if encoding == "gzip" else body


async def _read(request: Request) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise _too_large()
    except ClientDisconnect:
        raise Problem(400, "The body is incomplete.") from None
    return bytes(body)


def _decompressed(body: bytes) -> bytes:
    stream = zlib.decompressobj(_GZIP_WINDOW_BITS)
    try:
        content = stream.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error:
        raise Problem(400, "The body is not gzip.") from None
    if len(content) > MAX_BODY_BYTES:
        raise _too_large()
    if not stream.eof or stream.unused_data:
        raise Problem(400, "The body is not one complete gzip stream.")
    return content


def _too_large() -> Problem:
    return Problem(413, f"A body has at most {MAX_BODY_BYTES} bytes, also after decompression.")

"""Content negotiation: routes accept and send JSON only, and parse it strictly.

Every API router uses `JsonRoute` or a subclass as its `route_class`.
"""

import codecs
import json
import re
from collections.abc import Callable, Coroutine
from functools import lru_cache
from typing import Any, ClassVar

import jiter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from app.errors import MalformedHeader, NotAcceptable, UnsupportedMediaType
from app.http.route_stages import ending_validate_stage, starting_validate_stage

_Endpoint = Callable[..., Coroutine[Any, Any, Any]]
# RFC 9110, section 12.4.2.
_QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")
_BYTE_ORDER_MARKS = (
    codecs.BOM_UTF8,
    codecs.BOM_UTF16_LE,
    codecs.BOM_UTF16_BE,
    codecs.BOM_UTF32_LE,
    codecs.BOM_UTF32_BE,
)
_PROBLEM_RANGE = "application/problem+json"
_WILDCARDS = ("application/*", "*/*")
"""The media ranges that match every JSON media type, the more specific range first."""

IGNORES_OTHER_PARAMETERS = "x-ignores-other-parameters"
"""The OpenAPI extension by which a route accepts and ignores unknown query parameters."""


class JsonRoute(APIRoute):
    """A route that answers in JSON and, if it takes a body, accepts only JSON."""

    media_types: ClassVar[tuple[str, ...]] = ("application/json",)
    """The media types of the route's responses. A client without Accept gets the first."""

    def __init__(self, path: str, endpoint: _Endpoint, **options: Any) -> None:  # noqa: ANN401 - FastAPI's
        """Take the same arguments as `APIRoute`."""
        super().__init__(path, ending_validate_stage(endpoint), **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler that checks Accept and Content-Type, and calls FastAPI's handler."""
        handle = super().get_route_handler()
        takes_body = self.body_field is not None

        async def negotiate(request: Request) -> Response:
            negotiated(request, self.media_types)
            if takes_body:
                request = _JsonRequest(request.scope, request.receive)
                # Read the body before FastAPI does: FastAPI would turn every error of the read,
                # such as `ContentTooLarge` from `BodyLimit`, into a 400.
                if await request.body():
                    refuse_foreign_media_type(request.headers.getlist("content-type"))
            return await handle(request)

        return starting_validate_stage(negotiate)


class _JsonRequest(Request):
    """A request whose JSON is parsed strictly (RFC 8259, and RFC 7493 for duplicate keys).

    NaN, Infinity, lone surrogates, duplicate keys and extreme nesting are syntax errors.
    """

    async def json(self) -> object:
        body = await self.body()
        if body.startswith(_BYTE_ORDER_MARKS):
            # RFC 8259, section 8.1.
            raise json.JSONDecodeError(
                "it begins with a byte order mark. Send UTF-8 without one", "", 0
            )
        try:
            return strict_json(body)
        except ValueError as error:
            # FastAPI treats only `JSONDecodeError` as a syntax error. The parser's messages never
            # quote a value, but the message about a duplicate key quotes the key. So the code below
            # replaces this message.
            is_duplicate = str(error).startswith("Detected duplicate key")
            message = "an object has the same key twice" if is_duplicate else str(error)
            raise json.JSONDecodeError(message, "", 0) from None


def strict_json(body: bytes) -> object:
    """Parse JSON (RFC 8259). Raises `ValueError`, also for NaN and for duplicate keys."""
    return jiter.from_json(body, allow_inf_nan=False, catch_duplicate_keys=True)


def refuse_foreign_media_type(content_types: list[str]) -> None:
    """Raise `UnsupportedMediaType` unless Content-Type is JSON (RFC 9110, section 8.3)."""
    if len(content_types) != 1:
        raise UnsupportedMediaType
    media_type, _, _parameters = content_types[0].partition(";")
    if media_type.strip().lower() != "application/json":
        raise UnsupportedMediaType


def negotiated(request: Request, offered: tuple[str, ...]) -> str:
    """Return the offered media type that the client prefers. Raises `NotAcceptable`."""
    return _preferred(",".join(request.headers.getlist("accept")), offered)


@lru_cache(maxsize=128)  # Clients send the same header with every request.
def _preferred(accept: str, offered: tuple[str, ...]) -> str:
    # RFC 9110, section 12.5.1.
    ranges = dict(_media_range(part) for part in accept.split(",") if part.strip())
    if not ranges:
        return offered[0]
    # The most specific matching range decides, so `application/json;q=0, */*` excludes JSON.
    qualities = {
        media_type: next((ranges[name] for name in (media_type, *_WILDCARDS) if name in ranges), 0)
        for media_type in offered
    }
    # Of several types with the same quality, prefer the type that the header lists first.
    listed = [*(name for name in ranges if name in offered), *offered]
    best = max(listed, key=qualities.__getitem__)
    if not qualities[best] and not ranges.get(_PROBLEM_RANGE):
        raise NotAcceptable
    return best


def _media_range(text: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
    if not _QUALITY.fullmatch(quality):
        raise MalformedHeader("A quality value in the Accept header must be from 0 to 1.")
    return name, float(quality)

"""JSON in, JSON out: what a route does before FastAPI reads the body.

Every API router uses `JsonRoute` as its `route_class`.
"""

import codecs
import json
import re
from collections.abc import Callable, Coroutine
from functools import lru_cache
from typing import Any

import jiter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from app.errors import MalformedHeader, NotAcceptable, UnsupportedMediaType
from app.http.validation import beginning_validation, ending_validation

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
_JSON = ("application/problem+json", "application/json", "application/*", "*/*")

IGNORES_OTHER_PARAMETERS = "x-ignores-other-parameters"
"""The extension by which a route lets query parameters pass that it does not have."""


class JsonRoute(APIRoute):
    """A route that answers in JSON and, if it takes a body, takes nothing else."""

    def __init__(self, path: str, endpoint: _Endpoint, **options: Any) -> None:  # noqa: ANN401 - FastAPI's
        """Take what FastAPI's routes take."""
        super().__init__(path, ending_validation(endpoint), **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Put the negotiation before FastAPI's own handling."""
        handle = super().get_route_handler()
        takes_body = self.body_field is not None

        async def negotiate(request: Request) -> Response:
            refuse_unacceptable(",".join(request.headers.getlist("accept")))
            if takes_body:
                request = _JsonRequest(request.scope, request.receive)
                # Read here, where our own errors pass; FastAPI would hide them in a 400.
                if await request.body():
                    refuse_foreign_media_type(request.headers.getlist("content-type"))
            return await handle(request)

        return beginning_validation(negotiate)


class _JsonRequest(Request):
    """A request whose JSON is read strictly (RFC 8259, and RFC 8785 for duplicate keys).

    NaN and Infinity, lone surrogates, a key twice and absurd nesting are broken JSON.
    """

    async def json(self) -> object:
        body = await self.body()
        if body.startswith(_BYTE_ORDER_MARKS):
            # RFC 8259, section 8.1.
            raise json.JSONDecodeError(
                "it begins with a byte order mark. Send UTF-8 without one", "", 0
            )
        try:
            return jiter.from_json(body, allow_inf_nan=False, catch_duplicate_keys=True)
        except ValueError as error:
            # This is the one exception that FastAPI takes for a syntax error. The parser's
            # words never quote a value, but a key that comes twice.
            twice = str(error).startswith("Detected duplicate key")
            words = "a key comes twice" if twice else str(error)
            raise json.JSONDecodeError(words, "", 0) from None


def refuse_foreign_media_type(content_types: list[str]) -> None:
    """Raise `UnsupportedMediaType` unless the body is said to be JSON (RFC 9110, 8.3)."""
    if len(content_types) != 1:
        raise UnsupportedMediaType
    media_type, _, _parameters = content_types[0].partition(";")
    if media_type.strip().lower() != "application/json":
        raise UnsupportedMediaType


@lru_cache(maxsize=128)  # Clients send the same header with every request.
def refuse_unacceptable(accept: str) -> None:
    """Raise `NotAcceptable` when the Accept header rules out JSON (RFC 9110, 12.5.1)."""
    ranges = [part for part in accept.split(",") if part.strip()]
    qualities = dict(map(_media_range, ranges))
    # The most specific range that fits decides, so `application/json;q=0, */*` says no.
    fitting = [qualities[name] for name in _JSON[1:] if name in qualities]
    if ranges and not any([*fitting[:1], qualities.get(_JSON[0], 0)]):
        raise NotAcceptable


def _media_range(text: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
    if not _QUALITY.fullmatch(quality):
        raise MalformedHeader("A quality in the Accept header is a number from 0 to 1.")
    return name, float(quality)

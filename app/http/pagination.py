"""Lists in pages: the query parameters, and the Link header (RFC 8288)."""

import re
from typing import Annotated
from urllib.parse import urlencode

import jiter
from fastapi import Query, Request
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError


def digits(value: object) -> object:
    """Let a whole number in a URL through in its one spelling; `+1`, `01` and `1.0` are none."""
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        raise PydanticCustomError("digits", "This is a whole number, greater than zero.")
    return value


_DIGITS = re.compile("[1-9][0-9]*")
Limit = Annotated[
    int,
    Field(ge=1, le=100),
    BeforeValidator(digits),
    Query(description="how many items a page has at most"),
]
Cursor = Annotated[
    str | None, Query(description="the `next_cursor` of the page before; none for the first")
]


def next_cursor(page: bytes) -> str | None:
    """Read where a page that is JSON already goes on."""
    found: str | None = jiter.from_json(page)["next_cursor"]
    return found


def links(request: Request, next_cursor: str | None) -> dict[str, str]:
    """Return the Link header that leads to the first page and, if there is one, the next."""
    query = [
        (name, value) for name, value in request.query_params.multi_items() if name != "cursor"
    ]
    first = _link(request, query, "first")
    if next_cursor is None:
        return {"Link": first}
    return {"Link": f"{_link(request, [*query, ('cursor', next_cursor)], 'next')}, {first}"}


def _link(request: Request, query: list[tuple[str, str]], relation: str) -> str:
    target = f"{request.url.path}?{urlencode(query)}" if query else request.url.path
    return f'<{target}>; rel="{relation}"'

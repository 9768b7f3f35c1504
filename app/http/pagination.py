"""Pagination: the query parameters, and the Link header (RFC 8288)."""

import re
from typing import Annotated
from urllib.parse import urlencode

import jiter
from fastapi import Query, Request
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError


def digits(value: object) -> object:
    """Accept a positive integer in a URL in one spelling only: `+1`, `01` and `1.0` are invalid.

    Returns a value that is not a string unchanged. Raises `PydanticCustomError`.
    """
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        raise PydanticCustomError("digits", "This must be a whole number greater than zero.")
    return value


_DIGITS = re.compile("[1-9][0-9]*")
MAX_LIMIT = 100
"""The maximum number of items in a page."""
Limit = Annotated[
    int,
    Field(ge=1, le=MAX_LIMIT),
    BeforeValidator(digits),
    Query(description="the maximum number of items in a page"),
]
Cursor = Annotated[
    str | None, Query(description="the `next_cursor` of the previous page; omit it for the first")
]


def next_cursor(page: bytes) -> str | None:
    """Return the `next_cursor` of a page in JSON; None for the last page."""
    cursor: str | None = jiter.from_json(page)["next_cursor"]
    return cursor


def links(request: Request, next_cursor: str | None) -> dict[str, str]:
    """Return the Link header, which links the first page and, if it exists, the next page."""
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

"""Reads the query parameters of a request."""

import re

from starlette.requests import Request

from lab.collector.errors import Problem


def number(request: Request, name: str, default: int, maximum: int, *, minimum: int = 1) -> int:
    """Return a query parameter.

    :raises Problem: 422 when it is not a number from `minimum` to `maximum`.
    """
    text = request.query_params.get(name, str(default))
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(maximum))
    if not is_number or not minimum <= int(text) <= maximum:
        raise Problem(422, f"{name} is a number from {minimum} to {maximum}.", parameter=name)
    return int(text)


def matching(request: Request, name: str, pattern: re.Pattern[str], meaning: str) -> str:
    """Return a query parameter; an empty text if it is missing or empty.

    :raises Problem: 422 when it does not match. `meaning` says what the parameter is.
    """
    text = request.query_params.get(name, "").strip()
    if text and not pattern.fullmatch(text):
        raise Problem(422, f"{name} is {meaning}.", parameter=name)
    return text

"""Reads the query parameters of a request."""

import re

from starlette.requests import Request

from lab.collector.errors import Problem


def number(request: Request, name: str, default: int, maximum: int, *, minimum: int = 1) -> int:
    """Return a query parameter as a number; `default` if the parameter is missing.

    :raises Problem: 422 when the value is not a number from `minimum` to `maximum`.
    """
    text = request.query_params.get(name, str(default))
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(maximum))
    if not is_number or not minimum <= int(text) <= maximum:
        raise Problem(422, f"{name} is a number from {minimum} to {maximum}.", parameter=name)
    return int(text)


def matching(request: Request, name: str, pattern: re.Pattern[str], meaning: str) -> str:
    """Return a query parameter; an empty text if the parameter is missing.

    :raises Problem: 422 when the value does not match the pattern. The message says that the
        parameter is `meaning`, such as "a method such as GET".
    """
    text = request.query_params.get(name, "").strip()
    if text and not pattern.fullmatch(text):
        raise Problem(422, f"{name} is {meaning}.", parameter=name)
    return text

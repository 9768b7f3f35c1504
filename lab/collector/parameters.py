"""Reads the query parameters of a request."""

from starlette.requests import Request

from lab.collector.errors import Problem


def number(request: Request, name: str, default: int, maximum: int, *, minimum: int = 1) -> int:
    """Return a query parameter.

    :raises Problem: 422 when it is not a number from `minimum` to `maximum`.
    """
    text = request.query_params.get(name, str(default))
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(maximum))
    if not is_number or not minimum <= int(text) <= maximum:
        raise Problem(422, f"{name} is a number from {minimum} to {maximum}.")
    return int(text)

"""Turns exceptions into the errors of a GraphQL response.

An error never repeats a value that the client has sent.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import structlog
from graphql import GraphQLError

from app.errors import (
    AppError,
    InternalError,
    Invalid,
    InvalidQuery,
    TooManyRequests,
    Unavailable,
)
from app.http.problems import ProblemRenderer

_log = structlog.get_logger()
# The library's messages repeat the value that the client has sent: at the end of the message, or
# between the two texts of `_ENUM_VALUE`.
_REPEATED_VALUE: Final = re.compile(
    r"(, found:?|, but encountered|[.?] Found:"
    r"|(?<=value)(?<!has invalid value)(?<!default value):) .*",
    re.DOTALL,
)
_ENUM_VALUE: Final = ("Value '", "' does not exist in")
_MAX_CHARACTERS: Final = 300
_MAX_FIELD_ERRORS: Final = 50
"""The maximum number of errors in one response. A list can have an error for each of its rows."""
_ARGUMENT: Final = "Argument '"
"""The library's messages about an argument that it cannot read begin with this text."""
_POINTER: Final = re.compile("/[a-z0-9_/]+")
_UNDERSCORE: Final = re.compile("_([a-z])")


class ErrorRenderer:
    """Renders the errors of a response as JSON."""

    def __init__(self, problems: ProblemRenderer) -> None:
        self._problems = problems

    def request_error(self, error: GraphQLError) -> dict[str, Any]:
        """Return the JSON of an error that prevents the whole request from running."""
        cause = _cause(error)
        if isinstance(cause, AppError):
            return self._json(error, cause, error.message)
        return self._json(error, InvalidQuery(), _without_values(error.message))

    def field_errors(self, errors: Sequence[GraphQLError]) -> list[dict[str, Any]]:
        """Return the JSON of the errors of fields. Each unexpected exception is logged once."""
        logged: set[int] = set()
        return [self._field_error(error, logged) for error in errors[:_MAX_FIELD_ERRORS]]

    def _field_error(self, error: GraphQLError, logged: set[int]) -> dict[str, Any]:
        cause = _cause(error)
        if isinstance(cause, AppError):
            return self._json(error, cause, _in_camel_case(cause.detail))
        if cause is None and error.message.startswith(_ARGUMENT):
            return self._json(error, InvalidQuery(), _without_values(error.message))
        # If the error has no cause, the service has returned a value that does not fit the schema.
        unexpected = cause or error
        if id(unexpected) not in logged:
            logged.add(id(unexpected))
            _log.error("unexpected_error", exc_info=unexpected)
        return self._json(error, InternalError(), InternalError().detail)

    def _json(self, error: GraphQLError, cause: AppError, message: str) -> dict[str, Any]:
        extensions = {**self._problems.reference_to(cause), **_extra_members(cause)}
        return {**error.formatted, "message": message, "extensions": extensions}


def _cause(error: GraphQLError) -> Exception | None:
    cause: Exception | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _extra_members(error: AppError) -> dict[str, Any]:
    if isinstance(error, Invalid):
        errors = [
            {"pointer": _in_camel_case(it.pointer or ""), "detail": it.detail}
            for it in error.errors
        ]
        return {"errors": errors}
    if isinstance(error, TooManyRequests | Unavailable):
        return {"retryAfter": error.retry_after}
    return {}


def _in_camel_case(text: str) -> str:
    """Return the text with camelCase in its JSON Pointers, such as /userId for /user_id."""
    return _POINTER.sub(lambda found: _UNDERSCORE.sub(lambda it: it[1].upper(), found[0]), text)


def _without_values(message: str) -> str:
    # A regular expression would take quadratic time for some values.
    before, has_value, rest = message.partition(_ENUM_VALUE[0])
    _, is_enum, after = rest.rpartition(_ENUM_VALUE[1])
    if has_value and is_enum:
        message = f"{before}The value does not exist in{after}"
    # A name in the query can be as long as the query, so cut the message.
    return _REPEATED_VALUE.sub(".", message)[:_MAX_CHARACTERS]

"""Translates the exceptions of FastAPI, Starlette and Pydantic into errors of `app/errors`."""

from collections.abc import Iterable
from http import HTTPStatus
from itertools import islice
from typing import Any, Final, get_args

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from pydantic_core.core_schema import ErrorType
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app import errors
from app.errors import AppError, FieldError
from app.http.problems import ProblemRenderer
from app.http.request_state import state_of

_STATUSES: dict[int, type[AppError]] = {
    HTTPStatus.NOT_FOUND: errors.NotFound,
    HTTPStatus.BAD_REQUEST: errors.MalformedRequest,
}
_OBJECT = "This must be a JSON object."
_WHOLE_NUMBER = "This must be a whole number."
_DETAILS = {
    "missing": "This is required.",
    "extra_forbidden": "This field is unknown.",
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dict_type": _OBJECT,
    "string_type": "This must be a string.",
    "string_unicode": "This must be a string of Unicode characters.",
    "string_too_short": "The number of characters must be at least {min_length}.",
    "string_too_long": "The number of characters must be at most {max_length}.",
    "string_pattern_mismatch": "This must match the pattern `{pattern}`.",
    "literal_error": "This must be {expected}.",
    "enum": "This must be {expected}.",
    "int_type": _WHOLE_NUMBER,
    "int_parsing": _WHOLE_NUMBER,
    "int_from_float": _WHOLE_NUMBER,
    "int_parsing_size": "This number is too large.",
    "greater_than_equal": "This must be at least {ge}.",
    "less_than_equal": "This must be at most {le}.",
    "list_type": "This must be a list.",
    "too_short": "The number of items must be at least {min_length}.",
    "too_long": "The number of items must be at most {max_length}.",
}
"""The detail for an error type of Pydantic. Other types get `_OTHER_DETAIL`."""
_PYDANTIC_TYPES: Final = frozenset(get_args(ErrorType))
_OTHER_DETAIL = "This value is not valid. See the API documentation."
_MAX_ERRORS = 50
"""The maximum number of errors in one response. A body can contain thousands of errors."""


async def answer_framework_error(request: Request, error: Exception) -> Response:
    """Answer an exception of the framework with a problem document."""
    problems: ProblemRenderer = request.app.state.problems
    return problems.response(state_of(request.scope).request_id, translate(error))


def translate(error: Exception) -> AppError:
    """Return the error of `app/errors` that corresponds to an exception of the framework."""
    if isinstance(error, RequestValidationError):
        return _invalid(error.errors())
    if isinstance(error, HTTPException):
        return _STATUSES.get(error.status_code, errors.InternalError)()
    return errors.InternalError()


def invalid_body(error: ValidationError) -> AppError:
    """Return the error for a body that the service validates itself."""
    return _invalid({**detail, "loc": ("body", *detail["loc"])} for detail in error.errors())


def _invalid(details: Iterable[Any]) -> AppError:
    first = list(islice(details, _MAX_ERRORS))
    for detail in first:
        if detail["type"] == "json_invalid":
            return errors.MalformedJson(f"The body is not valid JSON: {detail['ctx']['error']}.")
    return errors.Invalid(*(_field_error(detail) for detail in first))


def _field_error(detail: Any) -> FieldError:  # noqa: ANN401 - the framework leaves these untyped
    where, *location = detail["loc"]
    text = _text(detail, whole_body=not location)
    if where == "body":
        return FieldError(text, pointer="".join(f"/{_escape(part)}" for part in location))
    return FieldError(text, parameter=".".join(str(part) for part in location))


def _text(detail: Any, *, whole_body: bool) -> str:  # noqa: ANN401 - the framework leaves these untyped
    kind: str = detail["type"]
    if kind not in _PYDANTIC_TYPES:
        # A validator of this service raised the error, with a message that is meant for the client.
        return str(detail["msg"])
    if whole_body:
        return "Send a JSON object as the body."
    return _DETAILS.get(kind, _OTHER_DETAIL).format(**detail.get("ctx", {}))


def _escape(part: object) -> str:
    # RFC 6901, section 3.
    return str(part).replace("~", "~0").replace("/", "~1")

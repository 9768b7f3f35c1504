"""What FastAPI and Starlette raise by themselves, put into the words of `errors.py`."""

from collections.abc import Iterable
from http import HTTPStatus
from itertools import islice
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app import errors
from app.errors import AppError, FieldError
from app.routers.problems import problem_response

_STATUSES: dict[int, type[AppError]] = {
    HTTPStatus.NOT_FOUND: errors.NotFound,
    HTTPStatus.BAD_REQUEST: errors.MalformedRequest,
}
_WORDS = {
    "missing": "This is required.",
    "string_type": "This is a string.",
    "int_type": "This is a whole number.",
    "int_parsing": "This is a whole number.",
    "list_type": "This is a list.",
    "extra_forbidden": "There is no such field here.",
    "model_attributes_type": "The body is a JSON object.",
    "dict_type": "The body is a JSON object.",
}
# A body can break a rule thousands of times; nobody reads on after these.
_MOST_ERRORS = 50


async def answer_framework_error(request: Request, error: Exception) -> Response:
    """Answer with the problem document that says the same."""
    return problem_response(request.state.request_id, translate(error))


def translate(error: Exception) -> AppError:
    """Return the error of ours that says the same as an exception of the framework."""
    if isinstance(error, RequestValidationError):
        return _invalid(error.errors())
    if isinstance(error, HTTPException):
        return _STATUSES.get(error.status_code, errors.InternalError)()
    return errors.InternalError()


def _invalid(details: Iterable[Any]) -> AppError:
    found = list(islice(details, _MOST_ERRORS))
    for detail in found:
        if detail["type"] == "json_invalid":
            return errors.MalformedJson(f"The body is not valid JSON: {detail['ctx']['error']}.")
    return errors.Invalid(*(_field_error(detail) for detail in found))


def _field_error(detail: Any) -> FieldError:  # noqa: ANN401 - the framework leaves these untyped
    where, *location = detail["loc"]
    words = _WORDS.get(detail["type"]) or detail["msg"]
    if detail["type"] == "missing" and not location:
        words = "Send a JSON object as the body."
    if where == "body":
        return FieldError(words, pointer="".join(f"/{_escape(part)}" for part in location))
    return FieldError(words, parameter=".".join(str(part) for part in location))


def _escape(part: object) -> str:
    # RFC 6901, section 3.
    return str(part).replace("~", "~0").replace("/", "~1")

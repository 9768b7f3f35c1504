"""Renders errors as problem documents (RFC 9457), and maps the kinds of errors to statuses."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema
from starlette.responses import JSONResponse, Response

from app import errors
from app.errors import AppError

STATUSES: dict[type[AppError], int] = {
    errors.Malformed: 400,
    errors.QueryError: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.NotAcceptable: 406,
    errors.RequestTimeout: 408,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.ContentTooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.Invalid: 422,
    errors.IdempotencyMismatch: 422,
    errors.InvalidLink: 422,
    errors.PreconditionRequired: 428,
    errors.TooManyRequests: 429,
    errors.InternalError: 500,
    errors.Unavailable: 503,
}


def _without_default(schema: dict[str, Any]) -> None:
    # A member without a value is omitted from the document; it is never null.
    del schema["default"]


class FieldProblem(BaseModel):
    """One invalid value, and its place in the request."""

    detail: str
    pointer: Annotated[
        str | SkipJsonSchema[None],
        Field(description="JSON Pointer into the body", json_schema_extra=_without_default),
    ] = None
    parameter: Annotated[
        str | SkipJsonSchema[None],
        Field(description="a query or path parameter", json_schema_extra=_without_default),
    ] = None


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: Annotated[str, Field(description="the page that explains this kind of problem")]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    instance: Annotated[str, Field(description="this occurrence; contains the request id")]
    code: Annotated[str, Field(description="a stable name that clients can branch on")]
    request_id: Annotated[
        str, Field(description="the same as X-Request-ID; quote it when you report the problem")
    ]
    errors: Annotated[
        list[FieldProblem] | SkipJsonSchema[None],
        Field(description="each invalid value", json_schema_extra=_without_default),
    ] = None


def problem_schemas() -> dict[str, Any]:
    """Return the JSON Schemas of a problem document, by name.

    `code` is an open enum: it lists the present codes, but accepts any string. So a client that
    was generated from these schemas can read a code that is added later.
    """
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    known = {"title": "KnownCode", "type": "string", "enum": sorted(errors_by_code())}
    code = schema["properties"]["code"]
    schema["properties"]["code"] = {
        "description": code["description"],
        "anyOf": [known, {"type": "string"}],
    }
    return {**schema.pop("$defs"), "Problem": schema}


def errors_by_code() -> dict[str, type[AppError]]:
    """Return every error that a client can get, by its code."""
    return {error.code: error for error in _subclasses(AppError) if "code" in vars(error)}


def _subclasses(kind: type[AppError]) -> Iterator[type[AppError]]:
    for error in kind.__subclasses__():
        yield error
        yield from _subclasses(error)


def status_of(error: type[AppError]) -> int:
    """Return the HTTP status of an error, or of its nearest base class in `STATUSES`."""
    return next(STATUSES[kind] for kind in error.__mro__ if kind in STATUSES)


def title_of(error: type[AppError]) -> str:
    """Return the title of a problem: its code in words."""
    title = error.code.replace("-", " ").capitalize()
    for word in ("GraphQL", "JSON", "OIDC"):
        title = re.sub(rf"\b{word}\b", word, title, flags=re.IGNORECASE)
    return title


@dataclass(frozen=True)
class ProblemRenderer:
    """Renders errors. Each document links to the page of its error, which is below `root_path`."""

    root_path: str

    def reference_to(self, error: AppError) -> dict[str, Any]:
        """Return the members that name the kind of an error, and the page that explains it."""
        return {"code": error.code, "type": f"{self.root_path}/problems/{error.code}"}

    def response(self, request_id: str, error: AppError) -> Response:
        """Render an error as `application/problem+json`, with the headers that it requires."""
        problem = Problem(
            **self.reference_to(error),
            title=title_of(type(error)),
            status=status_of(type(error)),
            detail=error.detail,
            # Do not use the request's path, which would repeat what the client sent.
            instance=f"#{request_id}",
            request_id=request_id,
            errors=_field_problems(error),
        )
        return JSONResponse(
            problem.model_dump(exclude_none=True),
            status_code=problem.status,
            headers=_headers(error),
            media_type="application/problem+json",
        )


def _field_problems(error: AppError) -> list[FieldProblem] | None:
    if not isinstance(error, errors.Invalid):
        return None
    return [FieldProblem.model_validate(vars(field)) for field in error.errors]


def _headers(error: AppError) -> dict[str, str]:
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, errors.Unauthenticated):
        invalid = isinstance(error, errors.InvalidToken)
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if invalid else "Bearer"
    elif isinstance(error, errors.MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allow)
    elif isinstance(error, errors.TooManyRequests | errors.Unavailable):
        headers["Retry-After"] = str(error.retry_after)
    return headers


_SCHEMA = {"$ref": "#/components/schemas/Problem"}
_EVERYWHERE: tuple[type[AppError], ...] = (
    errors.MalformedHost,
    errors.NotAcceptable,
    # This is the error for a query parameter that the route does not have.
    errors.Invalid,
    errors.TooManyRequests,
    errors.InternalError,
    errors.Unavailable,
    errors.DeadlineExceeded,
)
BODY_PROBLEMS: tuple[type[AppError], ...] = (
    errors.MalformedJson,
    errors.RequestTimeout,
    errors.ContentTooLarge,
    errors.UnsupportedMediaType,
)
"""The problems that every operation with a body shares."""

SIGN_IN_PROBLEMS: tuple[type[AppError], ...] = (
    errors.Unauthenticated,
    errors.InvalidToken,
    errors.InvalidSession,
)
"""The problems that every operation for signed-in users shares."""


def problems(*kinds: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """Return the problems of a route for the OpenAPI document, by status.

    A route names only its own problems. This function adds the problems that all routes share.
    `openapi/` adds the problems that follow from security, method, parameters and body.
    """
    documented: dict[int | str, dict[str, Any]] = {}
    for kind in (*kinds, *_EVERYWHERE):
        add_problem(documented, status_of(kind), kind)
    return documented


def add_problem(
    documented: dict[Any, dict[str, Any]], status: int | str, kind: type[AppError]
) -> None:
    """Add the code of an error to the response of its status, unless it is there already."""
    content = {"application/problem+json": {"schema": _SCHEMA}}
    response = documented.setdefault(status, {"description": "", "content": content})
    code = f"`{kind.code}`"
    if code not in response["description"]:
        response["description"] = ", ".join(filter(None, [response["description"], code]))

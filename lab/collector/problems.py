"""Problem documents (RFC 9457), in the same form as the service's problem documents."""

import re
import secrets
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lab.collector.errors import Problem

# These codes are also problem codes of the service, whose pages below /problems/ explain them.
_CODES = {
    400: "malformed-request",
    404: "not-found",
    405: "method-not-allowed",
    413: "content-too-large",
    415: "unsupported-media-type",
    422: "invalid-content",
    503: "unavailable",
}
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def problem_response(
    request: Request,
    status: int,
    detail: str,
    headers: dict[str, str] | None = None,
    *,
    parameter: str | None = None,
) -> Response:
    """Return a response with the media type `application/problem+json`.

    `parameter` is the query parameter that caused the error.
    """
    given_id = request.headers.get("x-request-id", "")
    request_id = given_id if _ACCEPTABLE_ID.fullmatch(given_id) else secrets.token_hex(16)
    code = _CODES.get(status, "internal-error")
    problem: dict[str, object] = {
        "type": f"/problems/{code}",
        "title": code.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        "instance": f"#{request_id}",
        "code": code,
        "request_id": request_id,
    }
    if parameter is not None:
        problem["errors"] = [{"parameter": parameter, "detail": detail}]
    return JSONResponse(
        problem,
        status_code=status,
        media_type="application/problem+json",
        headers={**(headers or {}), "X-Request-ID": request_id},
    )


def handle_error(request: Request, error: Exception) -> Response:
    """Return the response to an exception."""
    if isinstance(error, Problem):
        return problem_response(request, error.status, error.detail, parameter=error.parameter)
    if isinstance(error, HTTPException):
        detail = f"{HTTPStatus(error.status_code).description or error.detail}."
        return problem_response(request, error.status_code, detail, dict(error.headers or {}))
    return problem_response(request, 500, "The collector failed. See its log.")

"""The pages that explain the problems. `type` of a problem document is the path of its page."""

import json
from functools import cache
from http import HTTPStatus
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.errors import AppError, QueryError, existing
from app.http.problems import ProblemRenderer, errors_by_code, status_of, title_of
from app.routers.pages.page_files import PageFiles, represent_page

router = APIRouter(include_in_schema=False)

_DIRECTORY: Final = Path(__file__).parent / "static" / "problems"
_FILES: Final = PageFiles(_DIRECTORY / "filter.js", _DIRECTORY / "style.css")
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(_DIRECTORY),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_SPELLINGS: Final = {"www-authenticate": "WWW-Authenticate"}
_REQUEST_ID: Final = "5f2b8c1e9a7d4e60b3c8f1a2d4e6907b"
"""The request id in the examples."""


@router.get("/problems")
async def list_problems(request: Request) -> Response:
    """Show all problems, by status."""
    return represent_page(request, _list(request.app.state.problems))


@router.get("/problems/{code}")
async def read_problem(request: Request, code: str) -> Response:
    """Show the page that explains one problem."""
    return represent_page(request, _explanation(code, request.app.state.problems))


@router.get("/problems/static/{asset}")
async def read_problems_asset(request: Request, asset: str) -> Response:
    """Serve the script or the style sheet of the pages."""
    return _FILES.represent(request, asset)


@cache
def _list(renderer: ProblemRenderer) -> bytes:
    errors = sorted(errors_by_code().values(), key=lambda error: (status_of(error), error.code))
    groups = [
        (HTTPStatus(status), [_described(error, renderer) for error in group])
        for status, group in groupby(errors, key=status_of)
    ]
    template = _TEMPLATES.get_template("list.html")
    return template.render(groups=groups, count=len(errors), root_path=renderer.root_path).encode()


@cache
def _explanation(code: str, renderer: ProblemRenderer) -> bytes:
    error = existing(errors_by_code().get(code))
    template = _TEMPLATES.get_template("problem.html")
    return template.render(
        problem=_described(error, renderer),
        status=HTTPStatus(status_of(error)),
        root_path=renderer.root_path,
    ).encode()


def _described(error: type[AppError], renderer: ProblemRenderer) -> dict[str, Any]:
    example = _query_example if issubclass(error, QueryError) else _example
    return {
        "error": error,
        "title": title_of(error),
        "example": example(error.example(), renderer),
    }


def _example(error: AppError, renderer: ProblemRenderer) -> str:
    """Return the response that the service sends for an error, with its JSON indented."""
    response = renderer.response(_REQUEST_ID, error)
    status = HTTPStatus(response.status_code)
    headers = [
        f"{_SPELLINGS.get(name, name.title())}: {value}"
        for name, value in response.headers.items()
        if name != "content-length"
    ]
    body = json.dumps(json.loads(bytes(response.body)), indent=2)
    return "\n".join([f"HTTP/1.1 {status.value} {status.phrase}", *headers, "", body])


def _query_example(error: AppError, renderer: ProblemRenderer) -> str:
    """Return the JSON of a GraphQL response with an error."""
    extensions = renderer.reference_to(error)
    return json.dumps({"errors": [{"message": error.detail, "extensions": extensions}]}, indent=2)

"""Pages for a browser: the interactive API documentation, and a page for each problem."""

import json
from functools import cache
from html import escape
from http import HTTPStatus
from importlib.resources import files

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from app.errors import NotFound
from app.http.html_pages import page
from app.http.openapi import SERVER
from app.http.problems import errors_by_code, status_of, title_of
from app.http.representations import PRIVATE, PUBLIC, represent_document
from app.routers.dependencies import BaseUrl
from app.schemas.bodies import etag_of

router = APIRouter(include_in_schema=False)

_ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
_SWAGGER_UI = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Roundtrip · API documentation</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="docs/favicon.png"><link rel="stylesheet" href="docs/swagger-ui.css">
</head><body><div id="swagger-ui"></div><script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script></body></html>
"""
_START = """SwaggerUIBundle({
  url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true, persistAuthorization: false,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
  defaultModelsExpandDepth: 0, tryItOutEnabled: true, validatorUrl: null,
});
"""
_SWAGGER_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.get("/")
async def read_root() -> Response:
    """Redirect to the API documentation."""
    return RedirectResponse("/docs", status_code=303)


@router.get("/openapi.json")
async def read_openapi(request: Request, base_url: BaseUrl) -> Response:
    """Return the OpenAPI 3.1 document."""
    document = json.dumps(request.app.openapi()).replace(SERVER, base_url)
    # Without PUBLIC_URL, the document contains the address that this client has used. The client
    # chose this address, so no shared cache may store the document.
    caching = PUBLIC if request.app.state.public_url else PRIVATE
    return represent_document(request, document.encode(), "application/json", caching=caching)


@router.get("/docs")
async def read_docs(request: Request) -> Response:
    """Show the API documentation (Swagger UI), which can send requests."""
    headers = {"Content-Security-Policy": _SWAGGER_POLICY}
    return represent_document(request, _SWAGGER_UI.encode(), "text/html", headers=headers)


@router.get("/docs/start.js")
async def read_docs_start(request: Request) -> Response:
    """Return the script that starts Swagger UI. The page's policy allows no inline script."""
    return represent_document(request, _START.encode(), "text/javascript")


@router.get("/docs/{asset}")
async def read_docs_asset(request: Request, asset: str) -> Response:
    """Serve one file of Swagger UI."""
    media_type = _ASSETS.get(asset)
    if media_type is None:
        raise NotFound
    content, etag = _content(asset)
    return represent_document(request, content, media_type, headers={"ETag": etag})


@router.get("/problems")
async def list_problems(request: Request) -> Response:
    """Show the list of all problems."""
    items = "".join(
        f'<li><a href="problems/{code}">{escape(title_of(error))}</a> · {status_of(error)}</li>'
        for code, error in sorted(errors_by_code().items())
    )
    return page(request, "Problems", f"<h1>Problems</h1><ul>{items}</ul>")


@router.get("/problems/{code}")
async def read_problem(request: Request, code: str) -> Response:
    """Show the page that explains one problem."""
    error = errors_by_code().get(code)
    if error is None:
        raise NotFound
    status = HTTPStatus(status_of(error))
    return page(
        request,
        title_of(error),
        f'<p class="status">{status.value} {status.phrase}</p><h1>{escape(title_of(error))}</h1>'
        f"<h2>What it means</h2><p>{escape(error.meaning)}</p>"
        f"<h2>What to do</h2><p>{escape(error.detail)}</p>"
        f"<footer>In a problem document this is <code>code: {code}</code>. "
        '<a href="../problems">All problems</a> · <a href="../docs">API documentation</a></footer>',
    )


@cache
def _content(asset: str) -> tuple[bytes, str]:
    # fastapi-offline contains Swagger UI, so the page needs no other server.
    content = (files("fastapi_offline") / "static" / asset).read_bytes()
    return content, etag_of(content)

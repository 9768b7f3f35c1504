"""The interactive API documentation (Swagger UI), and the OpenAPI document that it shows."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from app.http.openapi.curl_examples import SERVER
from app.http.representations import PRIVATE, PUBLIC, represent_document
from app.routers.dependencies import BaseUrl
from app.routers.pages.page_files import PageFiles, represent_page

router = APIRouter(include_in_schema=False)

_DIRECTORY: Final = Path(__file__).parent / "static" / "docs"
_PAGE: Final = (_DIRECTORY / "index.html").read_bytes()
# fastapi-offline contains Swagger UI, so the page needs no other server.
_SWAGGER_UI: Final = files("fastapi_offline") / "static"
_FILES: Final = PageFiles(
    _DIRECTORY / "start.js",
    _DIRECTORY / "style.css",
    _SWAGGER_UI / "swagger-ui-bundle.js",
    _SWAGGER_UI / "swagger-ui.css",
    _SWAGGER_UI / "favicon.png",
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
    caching = PUBLIC if request.app.state.settings.public_url else PRIVATE
    return represent_document(request, document.encode(), "application/json", caching=caching)


@router.get("/docs")
async def read_docs(request: Request) -> Response:
    """Show the API documentation, which can send requests."""
    return represent_page(request, _PAGE, more="img-src 'self' data:; connect-src 'self'; ")


@router.get("/docs/{asset}")
async def read_docs_asset(request: Request, asset: str) -> Response:
    """Serve one file of the page."""
    return _FILES.represent(request, asset)

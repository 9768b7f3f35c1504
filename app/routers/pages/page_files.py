"""The service's HTML pages, and the files that they load: scripts, style sheets and images."""

from importlib.resources.abc import Traversable
from pathlib import PurePath
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from app.errors import existing
from app.http.representations import represent_document
from app.schemas.bodies import etag_of

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; {more}"
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_MEDIA_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".png": "image/png"}


class PageFiles:
    """Files that a browser can request by their names."""

    def __init__(self, *files: Traversable) -> None:
        contents = {file.name: file.read_bytes() for file in files}
        self._files = {
            name: (content, _MEDIA_TYPES[PurePath(name).suffix], etag_of(content))
            for name, content in contents.items()
        }

    def represent(self, request: Request, name: str) -> Response:
        """Return a file. Raises `NotFound`."""
        content, media_type, etag = existing(self._files.get(name))
        return represent_document(request, content, media_type, headers={"ETag": etag})


def represent_page(request: Request, html: bytes, *, more: str = "") -> Response:
    """Return a page that loads only the files of this service.

    `more` adds directives to the Content-Security-Policy. Each directive ends with "; ".
    """
    headers = {"Content-Security-Policy": _POLICY.format(more=more)}
    return represent_document(request, html, "text/html", headers=headers)

"""Serves the page and its files from lab/page/static."""

from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from lab.stack.paths import CHECKOUT

STATIC: Final = CHECKOUT / "lab" / "page" / "static"

# For a checkout without the page's files: a link to the traces as JSON.
_WITHOUT_FILES: Final = """\
<!doctype html>
<html lang="en">
<title>Roundtrip: the last requests</title>
<h1>The last requests</h1>
<p><a href="/lab/api/traces">As JSON</a>
</html>
"""


async def page(_: Request) -> Response:
    """Serve the page."""
    index = STATIC / "index.html"
    return FileResponse(index) if index.is_file() else HTMLResponse(_WITHOUT_FILES)


def static_files() -> list[Mount]:
    """Return a mount for the page's files, if the directory exists."""
    if not STATIC.is_dir():
        return []
    return [Mount("/lab/static", StaticFiles(directory=STATIC))]

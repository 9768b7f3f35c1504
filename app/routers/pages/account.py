"""The pages that the links in messages lead to: confirm an email address, reset a password.

The token of a link is in the URL's fragment, which browsers never send. So only the page's script
reads the token. Some programs open all links of a message. They do not use the token up, because
the script sends the token only when a person presses the button.
"""

from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response

from app.routers.pages.page_files import PageFiles, represent_page

router = APIRouter(include_in_schema=False)

_DIRECTORY: Final = Path(__file__).parent / "static" / "account"
_PAGES: Final = {name: (_DIRECTORY / f"{name}.html").read_bytes() for name in ("confirm", "reset")}
_FILES: Final = PageFiles(
    *(_DIRECTORY / name for name in ("confirm.js", "link.js", "reset.js", "style.css"))
)


@router.get("/account/confirm")
async def read_confirm_page(request: Request) -> Response:
    """Show the page that confirms an email address."""
    return represent_page(request, _PAGES["confirm"], more="connect-src 'self'; ")


@router.get("/account/reset")
async def read_reset_page(request: Request) -> Response:
    """Show the page that sets a new password."""
    return represent_page(request, _PAGES["reset"], more="connect-src 'self'; ")


@router.get("/account/{asset}")
async def read_account_asset(request: Request, asset: str) -> Response:
    """Serve a script or the style sheet of the pages."""
    return _FILES.represent(request, asset)

"""HTML pages without scripts. Their security policy allows the inline style by its hash."""

import base64
import hashlib
from html import escape

from starlette.requests import Request
from starlette.responses import Response

from app.http.representations import represent_document

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #d9dee6; --paper: #fff;
  --accent: #0b6e99; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa5b4; --line: #313a47;
  --paper: #12161c; --accent: #6cc3e8; } }
body { margin: 0 auto; max-width: 40rem; padding: 3rem 1.25rem; color: var(--ink);
  background: var(--paper); font: 1.0625rem/1.6 system-ui, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0.25rem 0 1.5rem; }
h2 { font-size: 1rem; margin: 2rem 0 0.25rem; }
p { margin: 0.25rem 0; } a { color: var(--accent); }
.status, footer { color: var(--soft); font-size: 0.9375rem; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1rem; }
code { font: 0.9375em ui-monospace, monospace; } ul { padding-left: 1.25rem; }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(request: Request, title: str, body: str) -> Response:
    """Render a page. `title` is text; `body` is HTML, so the caller must escape text in it."""
    html = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · Roundtrip</title><style>{_STYLE}</style></head>"
        f"<body>{body}</body></html>\n"
    )
    headers = {"Content-Security-Policy": _POLICY}
    return represent_document(request, html.encode(), "text/html", headers=headers)

"""The response as text: its headers, and its body. On a terminal, both have colours."""

import json
from typing import Final

from lab.trace.client.http_connection import Response
from lab.trace.output.document import parsed_body
from lab.trace.output.output_style import OutputStyle

_REDIRECTS: Final = range(300, 400)


def head(response: Response, style: OutputStyle) -> str:
    """Return the status line and the headers."""
    status = f"HTTP/{response.version} {response.status} {response.reason}".rstrip()
    headers = [f"{name}: {value}" for name, value in response.headers]
    return _coloured("\n".join([status, *headers]), "http", style)


def body(response: Response, style: OutputStyle) -> str:
    """Return the body, and where a redirect leads. Empty if there is neither."""
    location = response.header("Location")
    leads = location and response.status in _REDIRECTS
    parts = [_body(response, style), f"Not followed: {location}" if leads else ""]
    return "\n".join(filter(None, parts))


def _body(response: Response, style: OutputStyle) -> str:
    parsed = parsed_body(response)
    if isinstance(parsed, str):
        return parsed
    if not response.body:
        return ""
    if parsed is None and response.body != b"null":
        return f"({len(response.body)} bytes of binary data)"
    return _coloured(json.dumps(parsed, indent=2, ensure_ascii=False), "json", style)


def _coloured(text: str, language: str, style: OutputStyle) -> str:
    """Colour the text in the terminal's own palette. No line is wrapped or cut."""
    if not style.colours:
        return text
    # Imported here, because the import of rich takes longer than a request.
    from rich.console import Console  # noqa: PLC0415
    from rich.syntax import Syntax  # noqa: PLC0415

    console = Console(force_terminal=True)
    coloured = Syntax(text, language, theme="ansi_dark").highlight(text)
    coloured.rstrip()
    with console.capture() as captured:
        console.print(coloured, soft_wrap=True, end="")
    return captured.get()

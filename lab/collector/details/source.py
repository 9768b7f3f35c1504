"""Finds the service's source code for a span."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from lab.collector.errors import Problem
from lab.collector.ingest.spans import Value
from lab.stack.config.paths import CHECKOUT

_FILE = re.compile(r"app(/[A-Za-z_][A-Za-z0-9_]*)+\.py")
_FUNCTION = re.compile(r"app(\.[A-Za-z_][A-Za-z0-9_]*)+")

# The maximum number of lines that are shown of a function.
_MAX_LINES: Final = 80
# The lines that are shown before and after a line that is outside of functions.
_CONTEXT_LINES: Final = 12

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


def code_location(attributes: Mapping[str, Value]) -> dict[str, Any] | None:
    """Return the file in app/, the line and the function that a span names. None if it names none.

    FastAPI's own spans name only the function. For these spans, the file and the line are looked up
    in app/.
    """
    file, function = attributes.get("code.file.path"), attributes.get("code.function.name")
    line = attributes.get("code.line.number")
    if isinstance(file, str) and isinstance(line, int) and _FILE.fullmatch(file):
        return {"file": file, "line": line, "function": function}
    place = _locate(function) if isinstance(function, str) else None
    return {"file": place[0], "line": place[1], "function": function} if place else None


def excerpt(file: str, line: int, checkout: Path = CHECKOUT) -> dict[str, Any]:
    """Return the function that contains `line`, or else the lines around `line`.

    :raises Problem: 404 when app/ has no such file, or the file has no such line.
    """
    lines = _read(checkout, file).splitlines()
    if not 1 <= line <= len(lines):
        raise Problem(404, "The file has no such line.")
    first, last = _surroundings("\n".join(lines), line, len(lines))
    shown = lines[first - 1 : last]
    return {"file": file, "first_line": first, "lines": shown, "line": line}


def _read(checkout: Path, file: str) -> str:
    path = checkout / file
    steps = [path, *path.parents[: file.count("/")]]
    # The pattern excludes `..`. Symbolic links are refused, because they could lead out of app/.
    if not _FILE.fullmatch(file) or any(map(Path.is_symlink, steps)) or not path.is_file():
        raise Problem(404, "There is no such Python file in app/.")
    return path.read_text()


def _surroundings(text: str, line: int, last_line: int) -> tuple[int, int]:
    around = [it for it in _functions(text) if _first(it) <= line <= (it.end_lineno or 0)]
    if not around:
        return max(1, line - _CONTEXT_LINES), min(last_line, line + _CONTEXT_LINES)
    # Functions can be nested. The innermost function is the function that begins last.
    function = max(around, key=_first)
    first = max(_first(function), line - _MAX_LINES // 2)
    return first, min(function.end_lineno or line, first + _MAX_LINES - 1)


def _functions(text: str) -> Iterator[_Function]:
    return (it for it in ast.walk(ast.parse(text)) if isinstance(it, _FUNCTIONS))


def _first(function: _Function) -> int:
    return min([function.lineno, *(it.lineno for it in function.decorator_list)])


# Cached, because the source of a running service does not change.
@lru_cache(maxsize=512)
def _locate(name: str) -> tuple[str, int] | None:
    """Return the file and the line of a function, such as `app.routers.users.create_user`."""
    parts = name.split(".") if _FUNCTION.fullmatch(name) else []
    for length in range(len(parts) - 1, 1, -1):
        for file in ("/".join(parts[:length]) + ".py", "/".join(parts[:length]) + "/__init__.py"):
            if (CHECKOUT / file).is_file():
                last = parts[-1]
                matches = (it for it in _functions(_read(CHECKOUT, file)) if it.name == last)
                return next(((file, it.lineno) for it in matches), None)
    return None

"""Finds the code of the problem to which the service turns an exception."""

import ast
from functools import lru_cache
from pathlib import Path
from typing import Final

from lab.stack.paths import CHECKOUT

_ERRORS = CHECKOUT / "app" / "errors"


# FastAPI raises the same exception for a body that is not JSON and for invalid content.
_BY_STATUS: Final = {400: "malformed-json", 422: "invalid-content"}


def problem_code(error_type: object, status: object = None) -> str | None:
    """Return the problem's code for an exception, such as `email-taken`, by the name of its class.

    `status` is that of the response. None if the class is in no file of app/errors. The lab does
    not import the service, so the code is read from the source.
    """
    if error_type == "RequestValidationError":
        return _BY_STATUS.get(status) if isinstance(status, int) else None
    return _codes().get(error_type) if isinstance(error_type, str) else None


@lru_cache(maxsize=1)
def _codes() -> dict[str, str]:
    return {name: code for file in _ERRORS.glob("*.py") for name, code in _codes_in(file)}


def _codes_in(file: Path) -> list[tuple[str, str]]:
    classes = [it for it in ast.parse(file.read_text()).body if isinstance(it, ast.ClassDef)]
    return [
        (own.name, step.value.value)
        for own in classes
        for step in own.body
        if isinstance(step, ast.Assign)
        and isinstance(step.targets[0], ast.Name)
        and step.targets[0].id == "code"
        and isinstance(step.value, ast.Constant)
        and isinstance(step.value.value, str)
    ]

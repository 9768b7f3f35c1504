"""Finds the problem that the service returns for an exception: its code and its texts."""

import ast
from functools import cache
from typing import Final, NamedTuple

from lab.stack.config.paths import CHECKOUT

_ERRORS: Final = CHECKOUT / "app" / "errors"
# FastAPI raises the same exception for a body that is not JSON and for invalid content. The status
# of the response shows which of the two errors it was.
_BY_STATUS: Final = {400: "MalformedJson", 422: "Invalid"}


class KnownProblem(NamedTuple):
    """A problem of the service."""

    code: str
    """Such as `email-taken`."""
    detail: str
    """What has happened, and what the client should do next, in whole sentences."""


def known_problem(error_type: object, status: object = None) -> KnownProblem | None:
    """Return the problem for the class name of an exception. None if app/errors does not define it.

    `status` is the status of the response. The lab does not import the service, so this function
    reads the texts from the source code.
    """
    if error_type == "RequestValidationError":
        error_type = _BY_STATUS.get(status) if isinstance(status, int) else None
    return _problems().get(error_type) if isinstance(error_type, str) else None


@cache
def _problems() -> dict[str, KnownProblem]:
    files = sorted(_ERRORS.glob("*.py"))
    steps = (step for file in files for step in ast.parse(file.read_text()).body)
    texts_by_class = {own.name: _texts(own) for own in steps if isinstance(own, ast.ClassDef)}
    return {
        name: KnownProblem(texts["code"], f"{texts['happened']} {texts['action']}")
        for name, texts in texts_by_class.items()
        if texts.keys() >= {"code", "happened", "action"}
    }


def _texts(own: ast.ClassDef) -> dict[str, str]:
    return {
        step.targets[0].id: step.value.value
        for step in own.body
        if isinstance(step, ast.Assign)
        and isinstance(step.targets[0], ast.Name)
        and isinstance(step.value, ast.Constant)
        and isinstance(step.value.value, str)
    }

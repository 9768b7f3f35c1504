"""Records whole functions as stages, with their place in the source."""

import inspect
from collections.abc import Awaitable, Callable
from functools import cache, partial, wraps
from pathlib import Path
from types import CodeType, MappingProxyType
from typing import Any, Final, ParamSpec, TypeVar, cast

from app.tracing.recording import ActiveStage, current_recording
from app.tracing.stages import STAGE, Attributes, Stage

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Class = TypeVar("_Class")
_Method = Callable[..., Awaitable[Any]]
_CHECKOUT: Final = Path(__file__).resolve().parents[2]


def staged(
    stage: Stage, name: str | None = None, attributes: Attributes = MappingProxyType({})
) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """Record each call of a function, or of a coroutine function, as a stage."""

    def decorate(function: Callable[_P, _T]) -> Callable[_P, _T]:
        all_attributes = {STAGE: stage, **code_attributes(function), **attributes}
        is_coroutine = inspect.iscoroutinefunction(function)

        @wraps(function)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
            recording = current_recording.get()
            if recording is None:
                return function(*args, **kwargs)
            begin = partial(ActiveStage, recording, stage, all_attributes, name)
            if is_coroutine:
                return cast(_T, _awaited(begin, cast(_Method, function)(*args, **kwargs)))
            with begin():
                return function(*args, **kwargs)

        return call

    return decorate


async def _awaited(begin: Callable[[], ActiveStage], coroutine: Awaitable[_T]) -> _T:
    with begin():
        return await coroutine


def staged_methods(stage: Stage) -> Callable[[type[_Class]], type[_Class]]:
    """Record each public coroutine method of a class as a stage, unless it is a stage already."""
    return lambda cls: _wrapped(cls, staged(stage))


def _wrapped(cls: type[_Class], wrap: Callable[[_Method], _Method]) -> type[_Class]:
    for name, method in list(vars(cls).items()):
        if inspect.iscoroutinefunction(method) and not name.startswith("_"):
            setattr(cls, name, wrap(method))
    return cls


@cache
def code_attributes(function: Callable[..., Any]) -> Attributes:
    """Return the span attributes of a function: its name, file and first line.

    The path of the file is relative to the repository.
    """
    return _code_attributes(function.__module__, inspect.unwrap(function).__code__)


def code_attributes_of_caller(module: str) -> Attributes:
    """Return the span attributes of the nearest caller that is public and not in `module`.

    `module` is the `__name__` of a module. Only functions of the service count as callers. Without
    such a caller, as in a background task, there are no attributes.
    """
    frame = inspect.currentframe()
    while frame is not None:
        name = frame.f_globals["__name__"]
        is_public = not frame.f_code.co_name.startswith("_")
        if is_public and name.startswith("app.") and name not in {module, __name__}:
            return _code_attributes(name, frame.f_code)
        frame = frame.f_back
    return {}


@cache
def _code_attributes(module: str, code: CodeType) -> Attributes:
    return {
        "code.function.name": f"{module}.{code.co_qualname}",
        "code.file.path": Path(code.co_filename).resolve().relative_to(_CHECKOUT).as_posix(),
        "code.line.number": code.co_firstlineno,
    }

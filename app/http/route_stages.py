"""Records the stages `validate` and `endpoint`.

FastAPI reads the body, resolves the dependencies and calls the endpoint in one function of its
own. So `validate` begins before that function, and ends when the endpoint is called or an error is
raised.
"""

from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from contextvars import ContextVar
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from app.tracing import begin_stage, code_attributes, staged

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_validating: ContextVar[ExitStack | None] = ContextVar("validating", default=None)


def starting_validate_stage(handle: _Handler) -> _Handler:
    """Return a handler that begins the stage `validate`, then calls `handle`."""
    attributes: Final = code_attributes(handle)

    async def start_stage(request: Request) -> Response:
        stage = begin_stage("validate", "validate", attributes)
        if stage is None:
            return await handle(request)
        with ExitStack() as validating:
            validating.enter_context(stage)
            _validating.set(validating)
            return await handle(request)

    return start_stage


def ending_validate_stage(
    endpoint: Callable[_P, Coroutine[Any, Any, _T]],
) -> Callable[_P, Coroutine[Any, Any, _T]]:
    """Return an endpoint that ends the stage `validate`, and runs in the stage `endpoint`."""
    staged_endpoint = staged("endpoint")(endpoint)

    @wraps(endpoint)
    async def end_stage(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        validating = _validating.get()
        if validating is not None:
            validating.close()
        return await staged_endpoint(*args, **kwargs)

    return end_stage

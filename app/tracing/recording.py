"""The recording of one request's stages."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token, copy_context
from functools import cache
from time import perf_counter
from types import TracebackType
from typing import Any, Self, TypeVar

from opentelemetry import context, trace
from opentelemetry.trace import SpanKind, StatusCode

from app.tracing.stages import STAGE, Attributes, Stage

_T = TypeVar("_T")


class Recording:
    """The durations of one request's stages, and their spans if the request is traced."""

    __slots__ = ("durations", "tracer")

    def __init__(self, *, spans: bool) -> None:
        self.tracer = tracer() if spans else None
        # For each stage, a list of durations in seconds: one duration each time that the stage has
        # ended. The stages are in the order in which they began.
        self.durations: dict[Stage, list[float]] = {}

    def milliseconds(self) -> dict[Stage, float]:
        """Return the total duration of each stage that has ended."""
        ended = ((stage, took) for stage, took in self.durations.items() if took)
        return {stage: round(sum(took) * 1000, 1) for stage, took in ended}


@cache
def tracer() -> trace.Tracer:
    """Return the tracer of all spans of the service."""
    # Get the tracer at the first recording: another library may set the tracer provider after the
    # app is built.
    return trace.get_tracer("roundtrip")


current_recording: ContextVar[Recording | None] = ContextVar("current_recording", default=None)
"""The recording of the request that the caller works for, or None."""


class ActiveStage:
    """A stage that has begun. Stages that begin in its `with` block are its children."""

    __slots__ = ("_durations", "_span", "_started", "_token")
    _token: Token[context.Context]

    def __init__(
        self,
        recording: Recording,
        stage: Stage,
        attributes: Attributes,
        name: str | None = None,
        kind: SpanKind | None = None,
    ) -> None:
        """`attributes` includes the name of the stage."""
        self._durations = recording.durations.setdefault(stage, [])
        self._span: trace.Span | None = None
        if recording.tracer is not None:
            if kind is None:
                kind = SpanKind.CLIENT if "db.system.name" in attributes else SpanKind.INTERNAL
            self._span = recording.tracer.start_span(name or stage, None, kind, attributes)
        self._started = perf_counter()

    def __enter__(self) -> Self:
        """Make the stages that begin from now on children of this stage."""
        if self._span is not None:
            self._token = context.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        """End the stage."""
        if self._span is not None:
            context.detach(self._token)
        self.end(error)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Make stages that begin in this block children of this stage.

        The end of the block does not end the stage.
        """
        if self._span is None:
            yield
        else:
            with trace.use_span(self._span, record_exception=False, set_status_on_exception=False):
                yield

    def set_attributes(self, attributes: Attributes) -> None:
        """Set attributes of the span, if there is one."""
        if self._span is not None:
            self._span.set_attributes(attributes)

    def end(self, error: BaseException | None = None) -> None:
        """Record the duration of the stage, and the error that ended it."""
        self._durations.append(perf_counter() - self._started)
        if self._span is not None:
            if error is not None:
                self._span.set_attribute("error.type", type(error).__qualname__)
                if (code := getattr(error, "sqlstate", None)) is not None:
                    self._span.set_attribute("db.response.status_code", code)
                self._span.set_status(StatusCode.ERROR)
            self._span.end()


def record(recording: Recording | None) -> None:
    """Record the stages of this request from now on; None records nothing."""
    current_recording.set(recording)


def begin_stage(
    stage: Stage, name: str, attributes: Attributes, kind: SpanKind | None = None
) -> ActiveStage | None:
    """Begin a stage that is not a whole function. Return None if the request is not recorded.

    The caller ends the stage, with a `with` block or with `end()`.
    """
    recording = current_recording.get()
    if recording is None:
        return None
    return ActiveStage(recording, stage, {STAGE: stage, **attributes}, name, kind)


def set_span_attribute(attribute: str, value: str | float) -> None:
    """Set an attribute of the current stage's span, if there is one."""
    recording = current_recording.get()
    if recording is not None and recording.tracer is not None:
        trace.get_current_span().set_attribute(attribute, value)


def run_in_background(work: Callable[[], Coroutine[Any, Any, _T]]) -> "asyncio.Task[_T]":
    """Start work that no request waits for. Its stages belong to no recording."""
    own = copy_context()
    own.run(current_recording.set, None)
    return asyncio.create_task(own.run(work), context=own)

"""What is recorded about one request, as it happens."""

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
    """What is recorded about one request: durations, and perhaps spans."""

    __slots__ = ("durations", "tracer")

    def __init__(self, *, spans: bool) -> None:
        self.tracer = _tracer() if spans else None
        # In seconds, each time that a stage was gone through; in the order in which they began.
        self.durations: dict[Stage, list[float]] = {}

    def milliseconds(self) -> dict[Stage, float]:
        """Return how long each stage took that has ended, all its times together."""
        ended = ((stage, took) for stage, took in self.durations.items() if took)
        return {stage: round(sum(took) * 1000, 1) for stage, took in ended}


@cache
def _tracer() -> trace.Tracer:
    # Asked for when there is something to record: the provider comes after the app.
    return trace.get_tracer("roundtrip")


recorded: ContextVar[Recording | None] = ContextVar("recorded", default=None)
"""What is recorded of the request that the caller works for, if anything is."""


class Begun:
    """A stage that has begun. What begins within its `with` block is a part of it."""

    __slots__ = ("_durations", "_span", "_started", "_token")
    _token: Token[context.Context]

    def __init__(
        self, recording: Recording, stage: Stage, attributes: Attributes, name: str | None = None
    ) -> None:
        """Take all attributes, the stage's name among them."""
        self._durations = recording.durations.setdefault(stage, [])
        self._span: trace.Span | None = None
        if recording.tracer is not None:
            kind = SpanKind.CLIENT if "db.system.name" in attributes else SpanKind.INTERNAL
            self._span = recording.tracer.start_span(name or stage, None, kind, attributes)
        self._started = perf_counter()

    def __enter__(self) -> Self:
        """Make what begins from here on a part of the stage."""
        if self._span is not None:
            self._token = context.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        """End it."""
        if self._span is not None:
            context.detach(self._token)
        self.end(error)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Make what begins within this block a part of the stage, which goes on after it."""
        if self._span is None:
            yield
        else:
            with trace.use_span(self._span, record_exception=False, set_status_on_exception=False):
                yield

    def note(self, attribute: str, value: str | float) -> None:
        """Add to what its span says."""
        if self._span is not None:
            self._span.set_attribute(attribute, value)

    def note_all(self, attributes: Attributes) -> None:
        """Add several attributes."""
        if self._span is not None:
            self._span.set_attributes(attributes)

    def end(self, error: BaseException | None = None) -> None:
        """Record how long it took, and which error ended it."""
        self._durations.append(perf_counter() - self._started)
        if self._span is not None:
            if error is not None:
                self._span.set_attribute("error.type", type(error).__qualname__)
                if (code := getattr(error, "sqlstate", None)) is not None:
                    self._span.set_attribute("db.response.status_code", code)
                self._span.set_status(StatusCode.ERROR)
            self._span.end()


def record(recording: Recording) -> None:
    """Record what this request goes through from here on."""
    recorded.set(recording)


def begin(stage: Stage, name: str, attributes: Attributes) -> Begun | None:
    """Begin a stage that is more, or less, than a function, if this request is recorded.

    The caller ends it, by a `with` block or by `end()`.
    """
    recording = recorded.get()
    if recording is None:
        return None
    return Begun(recording, stage, {STAGE: stage, **attributes}, name)


def note(attribute: str, value: str | float) -> None:
    """Add to what the span of the stage says that is under way."""
    recording = recorded.get()
    if recording is not None and recording.tracer is not None:
        trace.get_current_span().set_attribute(attribute, value)


def aside(work: Callable[[], Coroutine[Any, Any, _T]]) -> "asyncio.Task[_T]":
    """Begin work that no request waits for, though it was one that brought it about."""
    own = copy_context()
    own.run(recorded.set, None)
    return asyncio.create_task(own.run(work), context=own)

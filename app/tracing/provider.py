"""OpenTelemetry's tracer provider: whether it is needed, its trace ids, and its shutdown."""

import os
import threading
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Final

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import SpanContext

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SHUTDOWN_SECONDS: Final = 2.0
_RANDOM_IDS: Final = RandomIdGenerator()
_trace_id: ContextVar[int] = ContextVar("trace_id", default=0)


class _TraceIds(RandomIdGenerator):
    """Random ids. `begin_trace` can choose a trace id before the first span exists."""

    def generate_trace_id(self) -> int:
        """Return the trace id that `begin_trace` has set in this context, or else a new one."""
        return _trace_id.get() or super().generate_trace_id()


def tracing_is_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether OpenTelemetry's variables name a collector, or a provider is set already.

    If the result is False, the app turns FastAPI's tracing off. FastAPI then does not look for a
    provider at every request.
    """
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    names_collector = _exporter(environment) != "none" and _first(environment, _ENDPOINTS) != ""
    return _provider_is_set() or names_collector


def set_up_sampler() -> Sampler | None:
    """Set a tracer provider if FastAPI can export its spans, and return the provider's sampler.

    OTEL_TRACES_SAMPLER chooses the sampler. FastAPI adds the exporter to the provider. Returns None
    if FastAPI cannot export, or if another library in this process has set its own provider. That
    provider then decides which traces are sampled.
    """
    if not _provider_is_set() and _fastapi_can_export(os.environ):
        trace.set_tracer_provider(TracerProvider(id_generator=_TraceIds(), shutdown_on_exit=False))
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider) and isinstance(provider.id_generator, _TraceIds):
        return provider.sampler
    return None


def _fastapi_can_export(environment: Mapping[str, str]) -> bool:
    # FastAPI exports by OTLP over HTTP only. For any other exporter, FastAPI logs a warning when
    # the app starts. A provider would then create spans that are never sent.
    protocol = _first(environment, _PROTOCOLS) or "http/protobuf"
    is_http = _first(environment, _ENDPOINTS).startswith(("http://", "https://"))
    return _exporter(environment) == "otlp" and protocol == "http/protobuf" and is_http


def _provider_is_set() -> bool:
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def _exporter(environment: Mapping[str, str]) -> str:
    return environment.get("OTEL_TRACES_EXPORTER", "").strip().lower() or "otlp"


def _first(environment: Mapping[str, str], names: Iterable[str]) -> str:
    """Return the value of the first variable that is not empty, or else an empty text."""
    return next(filter(None, map(environment.get, names)), "")


def begin_trace(parent: SpanContext) -> int:
    """Return the trace id of the parent, or else a new trace id. Set it in this context."""
    trace_id = parent.trace_id if parent.is_valid else _RANDOM_IDS.generate_trace_id()
    _trace_id.set(trace_id)
    return trace_id


def trace_id() -> int:
    """Return the trace id of this context; 0 if there is none."""
    return _trace_id.get() or trace.get_current_span().get_span_context().trace_id


def end_tracing() -> None:
    """Send the remaining spans within at most two seconds. Later spans are not sent.

    If the collector does not answer, the exporter would otherwise wait ten seconds for each of up
    to four batches.
    """
    shutdown = getattr(trace.get_tracer_provider(), "shutdown", None)
    if shutdown is not None:
        # Use a daemon thread: when Python exits, it does not wait for a daemon thread, but would
        # wait for a thread of an executor.
        thread = threading.Thread(target=shutdown, name="end-of-tracing", daemon=True)
        thread.start()
        thread.join(_SHUTDOWN_SECONDS)

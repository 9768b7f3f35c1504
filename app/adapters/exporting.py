"""OpenTelemetry's SDK: whether it is wanted, and its end, which by itself takes its time."""

import os
import threading
from collections.abc import Mapping
from typing import Final

from opentelemetry import trace

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PATIENCE: Final = 2.0
"""Seconds, for the spans that are still here."""


def tracing_is_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether OpenTelemetry's variables name a collector, or somebody has set a provider.

    Asked once, when the app is built: FastAPI would ask at every request.
    """
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    is_set = not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    is_off = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none"
    return is_set or (not is_off and any(environment.get(name) for name in _ENDPOINTS))


def end_tracing() -> None:
    """Send what has not been sent yet, for two seconds at most, and nothing from then on.

    A collector that does not answer would else be waited for at the end of a process: ten seconds
    for each of up to four batches.
    """
    shutdown = getattr(trace.get_tracer_provider(), "shutdown", None)
    if shutdown is not None:
        # A daemon, for which Python does not wait, as it would for an executor's threads.
        thread = threading.Thread(target=shutdown, name="end-of-tracing", daemon=True)
        thread.start()
        thread.join(_PATIENCE)

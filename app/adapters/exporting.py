"""The end of OpenTelemetry's SDK, which by itself takes its time."""

import threading
from typing import Final

from opentelemetry import trace

_PATIENCE: Final = 2.0
"""Seconds, for the spans that are still here."""


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

"""When tracing is enabled."""

import subprocess
import sys

import pytest

from app.tracing import tracing_is_wanted

COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "roundtrip"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({**COLLECTOR, "OTEL_SDK_DISABLED": "True"}, False),
        ({**COLLECTOR, "OTEL_TRACES_EXPORTER": " None"}, False),
        ({**COLLECTOR, "OTEL_TRACES_EXPORTER": ""}, True),
        ({**COLLECTOR, "OTEL_TRACES_EXPORTER": "otlp"}, True),
        (COLLECTOR, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
    ],
)
def test_tracing_is_wanted_if_a_collector_is_configured(
    environment: dict[str, str], *, wanted: bool
) -> None:
    """An empty variable, as compose files pass for an unset one, names no collector."""
    assert tracing_is_wanted(environment) is wanted


def test_tracing_is_wanted_if_a_tracer_provider_is_set() -> None:
    """A program may set it in code before the app is built, without a variable for a collector."""
    program = (
        "from opentelemetry import trace; from opentelemetry.sdk.trace import TracerProvider; "
        "from app.tracing import tracing_is_wanted; "
        "trace.set_tracer_provider(TracerProvider()); "
        "print([tracing_is_wanted(it) for it in ({}, {'OTEL_TRACES_EXPORTER': 'none'}, "
        "{'OTEL_SDK_DISABLED': 'true'})])"
    )
    # A process can set a provider only once, so this test starts its own process.
    result = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert result.stdout == "[True, True, False]\n"

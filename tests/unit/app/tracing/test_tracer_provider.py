"""When the service wants tracing: `tracing_is_wanted`."""

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
def test_tracing_is_wanted_if_a_collector_is_configured_and_tracing_is_not_disabled(
    environment: dict[str, str], *, wanted: bool
) -> None:
    """An empty variable counts as unset, because Compose files pass unset variables as empty."""
    assert tracing_is_wanted(environment) is wanted


def test_tracing_is_wanted_if_a_tracer_provider_is_set_and_the_sdk_is_not_disabled() -> None:
    """A program may set a provider in code, even if no environment variable names a collector."""
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

"""When requests are traced at all."""

import pytest

from app.adapters.exporting import tracing_is_wanted

COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "roundtrip"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({**COLLECTOR, "OTEL_SDK_DISABLED": "True"}, False),
        (COLLECTOR, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
    ],
)
def test_tracing_is_wanted_where_a_collector_is_named(
    environment: dict[str, str], *, wanted: bool
) -> None:
    """An empty name, as compose files hand on what is not set, is none."""
    assert tracing_is_wanted(environment) is wanted

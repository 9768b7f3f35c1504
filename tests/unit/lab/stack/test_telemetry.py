"""The address to which the processes of the stack send their spans."""

import pytest

from lab.stack.config.telemetry import telemetry, traces_exporter

OWN = "http://127.0.0.1:4000"


def app_telemetry(**environment: str) -> dict[str, str]:
    """Return the variables of an app process if the caller has set these variables."""
    return telemetry("roundtrip", OWN, instance="app-1", environment=environment)


def test_spans_go_to_the_stacks_own_collector() -> None:
    """Spans are sent every 200 ms, with the name of the process."""
    assert app_telemetry() == {
        "OTEL_SERVICE_NAME": "roundtrip",
        "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=app-1",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_EXPORTER_OTLP_ENDPOINT": OWN,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    }


def test_the_collectors_key_is_sent_to_the_stacks_own_collector_only() -> None:
    """The key is in a header. OpenTelemetry's variable for headers requires URL encoding."""
    key = {"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "authorization=Bearer%20abc"}
    assert key.items() <= telemetry("roundtrip", OWN, key="abc", environment={}).items()
    elsewhere = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://jaeger:4318"}
    assert "abc" not in str(telemetry("roundtrip", OWN, key="abc", environment=elsewhere))


@pytest.mark.parametrize(
    "variable", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
)
def test_spans_go_to_the_callers_collector_if_one_is_set(variable: str) -> None:
    """For another collector, for example Jaeger, the stack does not set the protocol."""
    chosen = app_telemetry(**{variable: "http://jaeger:4317"})
    assert OWN not in chosen.values()
    assert "OTEL_EXPORTER_OTLP_PROTOCOL" not in chosen


def test_an_empty_variable_counts_as_not_set() -> None:
    """OpenTelemetry specifies this for all its variables."""
    assert app_telemetry(OTEL_EXPORTER_OTLP_ENDPOINT="") == app_telemetry()


def test_other_settings_of_the_caller_are_kept() -> None:
    """The stack adds only the instance id of the process."""
    chosen = app_telemetry(OTEL_SERVICE_NAME="mine", OTEL_RESOURCE_ATTRIBUTES="team=blue")
    assert chosen["OTEL_SERVICE_NAME"] == "mine"
    assert chosen["OTEL_RESOURCE_ATTRIBUTES"] == "team=blue,service.instance.id=app-1"


@pytest.mark.parametrize(
    ("environment", "exporter"),
    [
        ({}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "none"}, "none"),
        ({"OTEL_SDK_DISABLED": "true"}, "none"),
        ({"OTEL_SDK_DISABLED": "false"}, "otlp"),
    ],
)
def test_caddy_sends_spans_unless_the_caller_disables_tracing(
    environment: dict[str, str], exporter: str
) -> None:
    """Each of two variables of OpenTelemetry can disable tracing."""
    assert traces_exporter(environment) == exporter

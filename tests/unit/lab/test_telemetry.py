"""Where the processes of the stack send their spans."""

import pytest

from lab.stack.telemetry import telemetry, traces_exporter

OWN = "http://127.0.0.1:4000"


def given(**environment: str) -> dict[str, str]:
    """Return what an app process is told when the caller has set these."""
    return telemetry("roundtrip", OWN, instance="app-1", environment=environment)


def test_spans_go_to_the_stacks_own_collector() -> None:
    """Soon, and under the name of the process."""
    assert given() == {
        "OTEL_SERVICE_NAME": "roundtrip",
        "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=app-1",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_EXPORTER_OTLP_ENDPOINT": OWN,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    }


def test_the_collectors_key_is_sent_to_the_stacks_own_collector_only() -> None:
    """In a header, as OpenTelemetry's variable for headers has it: URL-encoded."""
    key = {"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "authorization=Bearer%20abc"}
    assert key.items() <= telemetry("roundtrip", OWN, key="abc", environment={}).items()
    elsewhere = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://jaeger:4318"}
    assert "abc" not in str(telemetry("roundtrip", OWN, key="abc", environment=elsewhere))


@pytest.mark.parametrize(
    "variable", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
)
def test_spans_go_to_the_callers_collector_instead(variable: str) -> None:
    """Whoever has Jaeger running sees the requests there, by the protocol that it speaks."""
    chosen = given(**{variable: "http://jaeger:4317"})
    assert OWN not in chosen.values()
    assert "OTEL_EXPORTER_OTLP_PROTOCOL" not in chosen


def test_an_empty_variable_counts_as_not_set() -> None:
    """OpenTelemetry's specification says so of all of them."""
    assert given(OTEL_EXPORTER_OTLP_ENDPOINT="") == given()


def test_other_settings_of_the_caller_stay() -> None:
    """The process adds only which one it is."""
    chosen = given(OTEL_SERVICE_NAME="mine", OTEL_RESOURCE_ATTRIBUTES="team=blue")
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
def test_caddy_traces_unless_the_caller_wants_no_spans(
    environment: dict[str, str], exporter: str
) -> None:
    """By either of OpenTelemetry's switches."""
    assert traces_exporter(environment) == exporter

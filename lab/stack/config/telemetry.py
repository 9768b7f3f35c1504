"""OpenTelemetry's environment variables: they say where the stack's processes send spans."""

import os
from collections.abc import Mapping

# If one of these variables is set, the developer uses another collector.
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

# The header of a request that is not traced (W3C Trace Context, section 3.2.2.5.1: not sampled).
UNSAMPLED = {"traceparent": f"00-{1:032x}-{1:016x}-00"}


def telemetry(
    service: str,
    collector_url: str,
    *,
    instance: str | None = None,
    key: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Return the variables with which a process sends its spans to the collector.

    The caller's service name, delay, endpoint and protocol take precedence. `instance` is added to
    OTEL_RESOURCE_ATTRIBUTES. Only the stack's own collector gets the `key`.
    """
    defaults = {
        "OTEL_SERVICE_NAME": service,
        # In milliseconds; the default is 5000. So a trace is complete soon after its request.
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    if not any(environment.get(name) for name in _ENDPOINTS):
        defaults["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector_url
        defaults["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf"
    chosen = defaults | {name: environment[name] for name in defaults if environment.get(name)}
    if key and "OTEL_EXPORTER_OTLP_ENDPOINT" in defaults:
        chosen["OTEL_EXPORTER_OTLP_TRACES_HEADERS"] = f"authorization=Bearer%20{key}"
    if instance:
        given = environment.get("OTEL_RESOURCE_ATTRIBUTES")
        named = f"service.instance.id={instance}"
        chosen["OTEL_RESOURCE_ATTRIBUTES"] = f"{given},{named}" if given else named
    return chosen


def traces_exporter(environment: Mapping[str, str] = os.environ) -> str:
    """Return `otlp`, or `none` if the caller has disabled tracing.

    Caddy supports only OTEL_TRACES_EXPORTER, not OTEL_SDK_DISABLED.
    """
    disabled = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return "none" if disabled or environment.get("OTEL_TRACES_EXPORTER") == "none" else "otlp"

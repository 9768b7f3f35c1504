"""Where spans go, in OpenTelemetry's own variables."""

import os
from collections.abc import Mapping

# Any of these says that the developer has a collector of their own.
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

# A request that nobody wants to see (W3C Trace Context, section 3.2.2.5.1: not sampled).
UNSAMPLED = {"traceparent": f"00-{1:032x}-{1:016x}-00"}


def telemetry(
    service: str,
    collector_url: str,
    *,
    instance: str | None = None,
    key: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Return the variables with which a process of the stack sends its spans to the collector.

    What the caller has set stays as it is, an endpoint above all: the spans then go there. The
    `key` is for the stack's own collector.
    """
    defaults = {
        "OTEL_SERVICE_NAME": service,
        # A trace is complete soon after its request. By default it would be five seconds.
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
    """Return `otlp`, or `none` where the caller wants no spans.

    Caddy is told so in this one variable: it does not know OTEL_SDK_DISABLED.
    """
    disabled = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return "none" if disabled or environment.get("OTEL_TRACES_EXPORTER") == "none" else "otlp"

"""Exports the spans of a process without FastAPI, such as the worker."""

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from app.tracing.provider import set_up_sampler, tracing_is_wanted


def export_spans() -> None:
    """Set a tracer provider that exports spans.

    Does nothing unless OpenTelemetry's variables name a collector that takes OTLP over HTTP.
    """
    if not tracing_is_wanted():
        return
    set_up_sampler()
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))

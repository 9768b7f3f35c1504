"""Roundtrip, the service: everything that the production image contains."""

import sys

try:
    import opentelemetry.propagate  # noqa: F401 - reads OTEL_PROPAGATORS when it is imported
except ValueError as error:
    sys.exit(f"Roundtrip does not start:\nOTEL_PROPAGATORS cannot be used: {error}")

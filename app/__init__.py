"""The Roundtrip service. The production image contains this package and `migrations/`."""

import sys

try:
    import opentelemetry.propagate  # noqa: F401 - the import reads OTEL_PROPAGATORS
except ValueError as error:
    sys.exit(f"Roundtrip does not start:\nOTEL_PROPAGATORS cannot be used: {error}")

"""The stages of a request, by name."""

from collections.abc import Mapping
from typing import Literal

Stage = Literal[
    "token",  # reads and verifies the access token
    "rate-limit",  # counts the request; contains its Redis commands
    "session",  # reads the session from the database
    "validate",  # reads and parses the body, resolves parameters and dependencies
    "hash",  # hashes or verifies a password, including the wait for a thread
    "cache",  # looks for a cached read
    "redis",  # one command, until its answer has arrived
    "pool",  # waits for a database connection, or opens one
    "sql",  # one statement, until its rows have arrived
    "commit",
    "rollback",
    "queue",  # adds a job to the queue
    "queued",  # a job's wait in the queue, until a worker runs the job
    "job",  # runs a job
    "smtp",  # one step of sending a message: connects, encrypts, signs in, or sends
    "serialize",  # makes the bytes of a response
    "endpoint",  # the router's function
    "resolver",  # a resolver of a GraphQL field
    "service",  # the service's method
]
"""The same names are in spans, in the access log, in `Server-Timing` and in docs/tracing.md."""

STAGE = "roundtrip.stage"
"""The span attribute that contains the name of the stage."""

Attributes = Mapping[str, str | int | float]
"""Attributes of a span. Their names follow OpenTelemetry's semantic conventions if possible."""

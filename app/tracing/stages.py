"""The stages of a request, by name."""

from collections.abc import Mapping
from typing import Literal

Stage = Literal[
    "token",  # the access token read and verified
    "rate-limit",  # requests counted; its commands to Redis are parts of it
    "session",  # whose session it is: from memory, or from the database
    "validate",  # the body read and parsed, parameters and dependencies resolved
    "hash",  # a password hashed or verified, the wait for a thread included
    "cache",  # a look for what was read before
    "redis",  # one command, for as long as the request waits for it
    "pool",  # a connection to the database taken, waited for or made
    "sql",  # one statement, until its rows are here
    "commit",
    "rollback",
    "serialize",  # the bytes of a response made
    "endpoint",  # the router's function
    "service",  # the service's method
]
"""The same words in spans, in the access log, in `Server-Timing` and in docs/tracing.md."""

STAGE = "roundtrip.stage"
"""The attribute under which a span has the name of its stage."""

Attributes = Mapping[str, str | int | float]
"""What a span says, under the names of OpenTelemetry's semantic conventions where they have one."""

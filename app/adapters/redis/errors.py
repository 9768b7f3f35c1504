"""The errors of Redis, and what they mean."""

from typing import Final

from redis.exceptions import (
    ClusterDownError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
)

# uvloop raises RuntimeError for a write to a connection that the server has reset.
FAILURES: Final = (RedisError, RedisClusterException, OSError, TimeoutError, RuntimeError)
"""The errors of a server that does not answer, or that refuses writes."""
_WRITE_REFUSAL_CODES: Final = ("MISCONF", "NOREPLICAS")
"""More errors of a server that accepts no writes. redis-py has no classes for these codes."""


class RedisUnavailable(Exception):
    """Redis did not answer, or answered with an error, or the client paused after a failure."""


def refuses_writes(error: BaseException) -> bool:
    """Return whether an error means that the server accepts no writes."""
    return isinstance(error, ReadOnlyError | ClusterDownError) or (
        isinstance(error, ResponseError) and str(error).startswith(_WRITE_REFUSAL_CODES)
    )


def reason(error: Exception) -> str:
    """Return a text for the log."""
    name = type(error).__name__
    # Any other error may quote the command, and the command AUTH contains the password.
    return f"{name}: {error}" if refuses_writes(error) else name

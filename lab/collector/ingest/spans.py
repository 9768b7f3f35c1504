"""A span in the collector's memory: redacted, truncated, and with a stage."""

from collections.abc import Mapping
from dataclasses import dataclass

Scalar = str | int | float | bool
Value = Scalar | list[Scalar]


@dataclass(frozen=True, slots=True)
class Span:
    """One stage of one request. Ids are lower-case hex. Times are nanoseconds since the epoch."""

    trace_id: str
    span_id: str
    parent_id: str | None
    process: str
    stage: str
    name: str
    start_ns: int
    end_ns: int
    error: bool
    attributes: Mapping[str, Value]
    from_service: bool = False
    """Whether the sender has sent the key that only the service's processes have."""

    @property
    def duration_ns(self) -> int:
        """The duration; never negative."""
        return self.end_ns - self.start_ns

    @property
    def approximate_bytes(self) -> int:
        """The approximate size in memory."""
        own = 400 + len(self.name)
        return own + sum(
            len(key) + _approximate_bytes(value) for key, value in self.attributes.items()
        )


def _approximate_bytes(value: Value) -> int:
    if isinstance(value, list):
        return 56 + sum(map(_approximate_bytes, value))
    return 56 + len(value) if isinstance(value, str) else 32

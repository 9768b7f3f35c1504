"""Stored responses, so that a repeated request gets the same response."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The response to a user's request with an idempotency key.

    Until `expires_at`, a repeated request with the key gets this response.
    """

    user_id: int
    route: str
    key: str
    request_hash: bytes
    location: str
    body: bytes
    expires_at: datetime

"""Stored responses, so that a repeated request gets the same response."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The response to a user's request with an idempotency key. It is used until `expires_at`."""

    user_id: int
    route: str
    key: str
    request_hash: bytes
    location: str
    body: bytes
    expires_at: datetime

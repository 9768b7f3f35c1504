"""Identities at identity providers with which a user can sign in."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """One identity of one user. Only issuer and subject identify it permanently, not an email."""

    id: int
    issuer: str
    user_id: int
    created_at: datetime
    last_used_at: datetime | None

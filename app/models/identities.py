"""Users' identities at identity providers, for sign-in."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """One identity of one user.

    The table also contains the subject. Issuer and subject identify an identity permanently; an
    email does not.
    """

    id: int
    issuer: str
    user_id: int
    created_at: datetime
    last_used_at: datetime | None

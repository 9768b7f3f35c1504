"""Who is signed in. Ending a session means deleting its row."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.errors import InvalidSession, InvalidToken, Unauthenticated
from app.models.users import Role

_RECENT: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class Principal:
    """Who asks: a user, in a session that was live at this moment or less than a second ago."""

    user_id: int
    session_id: int
    role: Role
    last_used_at: datetime
    created_at: datetime
    by_cookie: bool
    """Whether the session is a browser's, with a cookie, or another client's, with tokens."""

    def is_recent(self, now: datetime) -> bool:
        """Whether the session began less than five minutes ago: its user has just signed in."""
        return now - self.created_at < _RECENT

    def session_ended(self) -> Unauthenticated:
        """Return what to raise when the session turns out to have ended while a request runs."""
        return InvalidSession() if self.by_cookie else InvalidToken()

    @property
    def is_admin(self) -> bool:
        """Whether it may do what administrators do."""
        return self.role is Role.ADMIN


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in of one user, until it is ended, `expires_at` has passed, or nobody uses it.

    A browser holds a cookie, any other client a refresh token. The table has the SHA-256 of
    either: a reader of the table cannot use it. 256 random bits need no salt and no slow hash.
    """

    id: int
    user_id: int
    user_agent: str | None
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime

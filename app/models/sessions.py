"""Sessions and their principals. Ending a session means deleting its row."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.errors import InvalidSession, InvalidToken, Unauthenticated
from app.models.users import Role

_RECENT: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class Principal:
    """The signed-in user, and the session, which was in the database less than a second ago."""

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
        """Return the error to raise if the session ends while a request runs."""
        return InvalidSession() if self.by_cookie else InvalidToken()

    @property
    def is_admin(self) -> bool:
        """Whether the user is an administrator."""
        return self.role is Role.ADMIN


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in of a user. It is valid until it is ended or unused, or until `expires_at`.

    A browser has a cookie, any other client a refresh token. The table has only the SHA-256 of
    it, which cannot be used to sign in. 256 random bits need no salt and no slow hash.
    """

    id: int
    user_id: int
    user_agent: str | None
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime

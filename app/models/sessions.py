"""Sessions and their principals. Ending a session means deleting its row."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.errors import InvalidSession, InvalidToken, Unauthenticated
from app.models.users import Role

_RECENT: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class Principal:
    """The signed-in user and the session, as the database had them less than a second ago."""

    user_id: int
    session_id: int
    role: Role
    last_used_at: datetime
    created_at: datetime
    by_cookie: bool
    """True if the session has a cookie, False if it has tokens."""

    def is_recent(self, now: datetime) -> bool:
        """Whether the session began less than five minutes ago: its user has just signed in."""
        return now - self.created_at < _RECENT

    def session_ended_error(self) -> Unauthenticated:
        """Return the error to raise if the session ends while a request runs."""
        return InvalidSession() if self.by_cookie else InvalidToken()

    @property
    def is_admin(self) -> bool:
        """Whether the user is an administrator."""
        return self.role is Role.ADMIN

    def may_see(self, user_id: int) -> bool:
        """Return true if `user_id` is the id of this user, or if this user is an administrator."""
        return user_id == self.user_id or self.is_admin


@dataclass(frozen=True)
class SessionLifetime:
    """The two limits of a session. The session ends when it reaches one of them."""

    total: timedelta
    """The longest time after the sign-in."""
    idle: timedelta
    """The longest time after the last use."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session of a user: from a sign-in until `expires_at` at the latest.

    The session ends earlier if it is unused for too long, or if the user or the service ends it.

    The secret of a session is a cookie for a browser, and a refresh token for any other client. The
    table contains only the SHA-256 of the secret, which cannot be used to sign in. A secret of 256
    random bits needs no salt and no slow hash.
    """

    id: int
    user_id: int
    user_agent: str | None
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime

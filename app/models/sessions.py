"""Who is signed in. Ending a session means deleting its row."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.errors import InvalidSession, InvalidToken, Unauthenticated
from app.models.orm import CreatedAt, Model
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


class Session(Model):
    """One sign-in of one user, until it is ended, `expires_at` has passed, or nobody uses it.

    A browser holds a cookie, any other client a refresh token. Both are stored as their
    SHA-256 only: whoever reads this table cannot use what stands in it. 256 random bits need
    no salt and no slow hash.
    """

    __tablename__ = "sessions"
    __table_args__ = (
        CheckConstraint("num_nonnulls(refresh_token_hash, cookie_hash) = 1", name="one_secret"),
        # A page of a user's sessions, newest first, is one walk along this.
        Index(None, "user_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    refresh_token_hash: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    cookie_hash: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    user_agent: Mapped[str | None]
    created_at: Mapped[CreatedAt]
    last_used_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), index=True
    )
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class SpentRefreshToken(Model):
    """A refresh token that was traded for the next one, kept as long as its session.

    Whoever sends it again is not its owner, or was robbed by somebody quicker (RFC 9700,
    section 4.14.2).
    """

    __tablename__ = "spent_refresh_tokens"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    session_id: Mapped[int] = mapped_column(
        ForeignKey("sessions.id", ondelete="CASCADE"), index=True
    )

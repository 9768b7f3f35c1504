"""Who is signed in. Ending a session means deleting its row."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.models.orm import CreatedAt, Model


class Session(Model):
    """One sign-in of one user, until it is ended or `expires_at` has passed.

    The refresh token is stored as its SHA-256 only: whoever reads this table cannot
    use what stands in it. A token of 256 random bits needs no salt and no slow hash.
    """

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    refresh_token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

"""Identities at identity providers with which a user can sign in."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey
from sqlalchemy import Identity as GeneratedId
from sqlalchemy.orm import Mapped, mapped_column

from app.models.orm import CreatedAt, Model


class Identity(Model):
    """One identity of one user. Issuer and subject name it permanently; an email does not."""

    __tablename__ = "identities"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    # How clients name it. Not the primary key, because a subject has one row for each issuer.
    id: Mapped[int] = mapped_column(BigInteger, GeneratedId(always=True))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    # The session in which it was linked, which may have ended since; NULL for the identity that
    # the account was created with.
    session_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[CreatedAt]
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

"""Who somebody is elsewhere: what an account is signed in to by an identity provider with."""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.models.orm import CreatedAt, Model


class Identity(Model):
    """One identity of one user. Issuer and subject name it for ever, an email does not."""

    __tablename__ = "identities"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[CreatedAt]

"""The accounts."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Enum,
    Identity,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.models.orm import CreatedAt, Model, UpdatedAt


class Role(StrEnum):
    """What an account may do: `user` its own things, `admin` everybody's."""

    USER = "user"
    ADMIN = "admin"


class User(Model):
    """An account; once erased, a row without personal data that the books still refer to."""

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("email"),
        CheckConstraint(
            "(erased_at IS NULL) = (email IS NOT NULL)"
            " AND (erased_at IS NULL) = (name IS NOT NULL)"
            " AND (erased_at IS NULL OR password_hash IS NULL)",
            name="erased_means_no_personal_data",
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    # These two are NULL only once the account is erased, and repositories do not load
    # erased accounts: in Python they are always there.
    name: Mapped[str] = mapped_column(nullable=True)
    email: Mapped[str] = mapped_column(nullable=True)
    # NULL for somebody who signs in at an identity provider.
    password_hash: Mapped[str | None]
    role: Mapped[Role] = mapped_column(
        Enum(
            Role,
            native_enum=False,
            create_constraint=True,
            name="role",
            values_callable=lambda roles: [role.value for role in roles],
        ),
        default=Role.USER,
    )
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]
    erased_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    def erase(self, now: datetime) -> None:
        """Forget everything personal, the email included, so that it is free again."""
        self.erased_at = now
        self.password_hash = None
        self.name = self.email = None  # type: ignore[assignment]

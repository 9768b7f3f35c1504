"""User accounts and their roles."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """Permissions of an account: `user` for its own data, `admin` for all accounts' data."""

    USER = "user"
    ADMIN = "admin"


@dataclass(slots=True)
class User:
    """An account that is not erased. Repositories do not load erased accounts."""

    id: int
    name: str
    email: str
    password_hash: str | None
    """None for a user who has no password and signs in at an identity provider."""
    email_confirmed: bool
    """Whether the address is confirmed: by the user with a link, or by an identity provider."""
    role: Role
    disabled_at: datetime | None
    """When an operator disabled the account. None if sign-in is possible."""
    created_at: datetime
    updated_at: datetime

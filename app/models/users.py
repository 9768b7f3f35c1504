"""The accounts."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What an account may do: `user` its own things, `admin` everybody's."""

    USER = "user"
    ADMIN = "admin"


@dataclass(slots=True)
class User:
    """An account that is not erased. Repositories do not load erased ones."""

    id: int
    name: str
    email: str
    password_hash: str | None
    """None for a user who signs in at an identity provider."""
    role: Role
    created_at: datetime
    updated_at: datetime

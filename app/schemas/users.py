"""The JSON of users."""

from typing import Self

from pydantic import Field

from app.models import Role, User
from app.schemas.bodies import Page, RequestBody, Row, UtcTime, with_example
from app.schemas.emails import Email
from app.schemas.fields.names import Name
from app.schemas.fields.passwords import NewPassword, TypedPassword


class UserCreate(RequestBody):
    """A new account."""

    model_config = with_example(
        {"name": "Ahmed", "email": "ahmed@example.com", "password": "correct horse battery"}
    )

    name: Name
    email: Email
    password: NewPassword


class UserUpdate(RequestBody):
    """The changes to a user. A missing field does not change."""

    model_config = with_example({"name": "Ahmed Hassan"})

    # The default of a missing field is never read: `model_fields_set` does not contain the field.
    name: Name = Field(default_factory=str)


class PasswordChange(RequestBody):
    """The current password and the new one."""

    model_config = with_example(
        {
            "current_password": "correct horse battery",
            "new_password": "purple monkey dishwasher",
        }
    )

    # May be missing only if the account has no password yet.
    current_password: TypedPassword | None = None
    new_password: NewPassword


class UserRead(Row):
    """An account, as its owner and administrators see it."""

    name: str
    email: str
    email_confirmed: bool
    role: Role
    created_at: UtcTime
    updated_at: UtcTime

    @classmethod
    def of(cls, user: User) -> Self:
        """Take the fields of the contract, and no others, from a user."""
        return cls.model_validate(user)


class UserPage(Page[UserRead]):
    """Some users, in the order of signup."""

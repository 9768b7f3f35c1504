"""The JSON of users."""

from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.models import Role, User
from app.models.emails import normalise_email
from app.schemas.bodies import Page, RequestBody, Row, UtcTime
from app.schemas.names import Name
from app.schemas.passwords import NewPassword, TypedPassword


def _email(value: str) -> str:
    try:
        return normalise_email(value)
    except ValueError:
        # The library's message quotes the address. The service's message must not quote it.
        raise PydanticCustomError(
            "email", "This is not an email address; write it like name@example.com."
        ) from None


Email = Annotated[
    str,
    AfterValidator(_email),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254}),
]


class UserCreate(RequestBody):
    """A new account."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Ahmed",
                    "email": "ahmed@example.com",
                    "password": "correct horse battery",
                }
            ]
        }
    )

    name: Name
    email: Email
    password: NewPassword


class UserUpdate(RequestBody):
    """The changes to a user. A missing field does not change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Ahmed Hassan"}]})

    # The default of a missing field is never read: `model_fields_set` does not contain the field.
    name: Name = Field(default_factory=str)
    email: Email = Field(default_factory=str)
    # Required if the owner of an account with a password changes the email.
    current_password: TypedPassword | None = None


class PasswordChange(RequestBody):
    """The current password and the new one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "current_password": "correct horse battery",
                    "new_password": "purple monkey dishwasher",
                }
            ]
        }
    )

    # May be missing only if the account has no password yet.
    current_password: TypedPassword | None = None
    new_password: NewPassword


class UserRead(Row):
    """A user, as its owner and administrators see it."""

    name: str
    email: str
    role: Role
    created_at: UtcTime
    updated_at: UtcTime

    @classmethod
    def of(cls, user: User) -> Self:
        """Take the fields of the contract, and no others, from a user."""
        return cls.model_validate(user)


class UserPage(Page[UserRead]):
    """Some users, in the order of signup."""

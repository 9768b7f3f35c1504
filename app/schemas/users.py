"""What goes over the wire about users."""

from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.models import Role
from app.models.emails import normalise_email
from app.schemas.bodies import Page, RequestBody, Row, UtcTime
from app.schemas.names import Name
from app.schemas.passwords import NewPassword, TypedPassword


def _email(value: str) -> str:
    try:
        return normalise_email(value)
    except ValueError:
        # The library's own words quote the address; ours must not.
        raise PydanticCustomError(
            "email", "This is not an email address; write it like name@example.com."
        ) from None


Email = Annotated[
    str,
    AfterValidator(_email),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254}),
]


class UserCreate(RequestBody):
    """What a signup sends."""

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
    """What changes about a user; a field that is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Ahmed Hassan"}]})

    # What stands in for a field that is left out is never read; see `model_fields_set`.
    name: Name = Field(default_factory=str)
    email: Email = Field(default_factory=str)
    # The proof that the owner wants another email.
    current_password: TypedPassword | None = None


class PasswordChange(RequestBody):
    """The current password, once more, and the one to come."""

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

    # Left out by an account that has no password yet.
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
    def of(cls, user: object) -> Self:
        """Take the fields of the contract, and no others, from a user's row."""
        return cls.model_validate(user)


class UserPage(Page[UserRead]):
    """Some users, in the order in which they signed up."""

"""What goes over the wire about users."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.models.emails import normalise_email
from app.schemas.bodies import Page, Representation, RequestBody, RowId, UtcTime
from app.schemas.passwords import NewPassword, TypedPassword

LONGEST_NAME = 100
# Blanks, and what cannot be seen either: zero-width characters and the byte order mark.
_BLANK = r"\s\u200b-\u200f\u2060\ufeff"
# Control characters, line breaks, and Unicode's controls of writing direction (UAX 9), which
# make what follows them read backwards.
_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
# Stripped by `strip`: a pattern would take quadratic time for blanks in the middle.
_BLANKS = "".join(filter(re.compile(f"[{_BLANK}]").match, map(chr, range(0x10000))))
_WITHIN = re.compile(f"[{_CONTROL}]")


def _name(value: str) -> str:
    name = value.strip(_BLANKS)
    if not name:
        raise PydanticCustomError("name_empty", "A name has at least one character to be seen.")
    if len(name) > LONGEST_NAME:
        raise PydanticCustomError(
            "name_too_long", "A name has at most {longest} characters.", {"longest": LONGEST_NAME}
        )
    if _WITHIN.search(name):
        raise PydanticCustomError(
            "name_control", "A name stands on one line and has no control characters."
        )
    return name


def _email(value: str) -> str:
    try:
        return normalise_email(value)
    except ValueError:
        # The library's own words quote the address; ours must not.
        raise PydanticCustomError(
            "email", "This is not an email address; write it like name@example.com."
        ) from None


Name = Annotated[
    str,
    AfterValidator(_name),
    # Blanks around a name do not count, so the schema cannot give the greatest length of
    # what is sent; the pattern says the rest.
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "pattern": f"^[{_BLANK}]*[^{_BLANK}{_CONTROL}]"
            f"(?:[^{_CONTROL}]{{0,98}}[^{_BLANK}{_CONTROL}])?[{_BLANK}]*$",
        }
    ),
]
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

    current_password: TypedPassword
    new_password: NewPassword


class UserRead(Representation):
    """A user, as its owner and administrators see it."""

    id: RowId
    name: str
    email: str
    role: Literal["user", "admin"]
    created_at: UtcTime
    updated_at: UtcTime

    @classmethod
    def of(cls, user: object) -> Self:
        """Take the fields of the contract, and no others, from a user's row."""
        return cls.model_validate(user)


class UserPage(Page[UserRead]):
    """Some users, in the order in which they signed up."""

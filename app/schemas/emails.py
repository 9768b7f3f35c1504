"""The JSON of email addresses: their confirmation and their change."""

from typing import Annotated

from pydantic import AfterValidator, SecretStr, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.models.values.emails import normalise_email
from app.schemas.bodies import RequestBody, with_example
from app.schemas.fields.passwords import TypedPassword


def _email(value: str) -> str:
    try:
        return normalise_email(value)
    except ValueError:
        # The cause of this error, from email-validator, may quote the address. So the new error has
        # its own message and no cause.
        raise PydanticCustomError(
            "email", "This is not an email address; write it like name@example.com."
        ) from None


Email = Annotated[
    str,
    AfterValidator(_email),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254}),
]

LinkToken = Annotated[
    SecretStr, WithJsonSchema({"type": "string", "format": "password", "writeOnly": True})
]
"""The token in the fragment of a link. A malformed token is refused like an unknown token."""


class EmailChange(RequestBody):
    """The new address. The owner of an account with a password also sends the password."""

    model_config = with_example(
        {"email": "ahmed@example.org", "current_password": "correct horse battery"}
    )

    email: Email
    current_password: TypedPassword | None = None


class EmailConfirmation(RequestBody):
    """The token of the link in a message."""

    model_config = with_example({"token": "<token in the link>"})

    token: LinkToken

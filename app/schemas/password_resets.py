"""The JSON of password resets."""

from app.schemas.bodies import RequestBody, with_example
from app.schemas.emails import Email, LinkToken
from app.schemas.fields.passwords import NewPassword


class PasswordResetRequest(RequestBody):
    """The address of the account."""

    model_config = with_example({"email": "ahmed@example.com"})

    email: Email


class PasswordReset(RequestBody):
    """The token of the link in the message, and the new password."""

    model_config = with_example(
        {"token": "<token in the link>", "new_password": "purple monkey dishwasher"}
    )

    token: LinkToken
    new_password: NewPassword

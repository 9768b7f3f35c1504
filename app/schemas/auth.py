"""What goes over the wire when somebody signs in."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from app.models.emails import normalise_email
from app.schemas.bodies import Representation, RequestBody
from app.schemas.passwords import TypedPassword


def _typed_email(value: str) -> str:
    try:
        return normalise_email(value)
    except ValueError:
        # No account has this address: the answer is the same as for an unknown one.
        return ""


class Login(RequestBody):
    """Email and password. A wrong one is told apart from the other nowhere."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"email": "ahmed@example.com", "password": "correct horse battery"}]
        }
    )

    email: Annotated[str, AfterValidator(_typed_email)]
    password: TypedPassword


class TokenPair(Representation):
    """What a login hands out (RFC 6749, section 5.1)."""

    access_token: Annotated[str, Field(description="a JWT, for the Authorization header")]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme, not a token
    expires_in: Annotated[int, Field(description="seconds until the access token ends")]
    refresh_token: Annotated[str, Field(description="opaque; for the next pair of tokens")]

"""The JSON of logins, tokens and the keys that verify them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from app.models.values.emails import normalise_email
from app.schemas.bodies import Representation, RequestBody, with_example
from app.schemas.fields.passwords import TypedPassword


def _typed_email(value: str) -> str:
    try:
        return normalise_email(value)
    except ValueError:
        # No account has an invalid address: the response is the same as for an unknown address.
        return ""


class Login(RequestBody):
    """Email and password. No response shows which of the two is wrong."""

    model_config = with_example({"email": "ahmed@example.com", "password": "correct horse battery"})

    email: Annotated[str, AfterValidator(_typed_email)]
    password: TypedPassword


class TokenPair(Representation):
    """The tokens of a session (RFC 6749, section 5.1)."""

    access_token: Annotated[str, Field(description="a JWT, for the Authorization header")]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme, not a token
    expires_in: Annotated[int, Field(description="seconds until the access token expires")]
    refresh_token: Annotated[str, Field(description="opaque; for the next pair of tokens")]


class Refresh(RequestBody):
    """A refresh token, to exchange for the next pair of tokens. It can be used once."""

    model_config = with_example({"refresh_token": "<token>"})

    refresh_token: SecretStr


class PublicKey(Representation):
    """A key to verify access tokens with (RFC 7517, RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    use: Literal["sig"]
    alg: Literal["EdDSA"]


class PublicKeys(Representation):
    """The keys that verify access tokens, and the next signing key (RFC 7517, section 5)."""

    keys: list[PublicKey]

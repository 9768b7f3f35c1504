"""The JSON of logins, tokens and sessions."""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, SecretStr

from app.models import Session
from app.models.emails import normalise_email
from app.schemas.bodies import Page, Representation, RequestBody, Row, UtcTime
from app.schemas.passwords import TypedPassword

SESSION_COOKIE: Final = "__Host-session"
"""Browsers take a cookie of this prefix from this very host only, over HTTPS (RFC 6265bis)."""


def _typed_email(value: str) -> str:
    try:
        return normalise_email(value)
    except ValueError:
        # No account has this address: the answer is the same as for an unknown one.
        return ""


class Login(RequestBody):
    """Email and password. No response shows which of the two is wrong."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"email": "ahmed@example.com", "password": "correct horse battery"}]
        }
    )

    email: Annotated[str, AfterValidator(_typed_email)]
    password: TypedPassword


class TokenPair(Representation):
    """The tokens of a session (RFC 6749, section 5.1)."""

    access_token: Annotated[str, Field(description="a JWT, for the Authorization header")]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme, not a token
    expires_in: Annotated[int, Field(description="seconds until the access token ends")]
    refresh_token: Annotated[str, Field(description="opaque; for the next pair of tokens")]


class Refresh(RequestBody):
    """A refresh token, to exchange for the next pair of tokens. It can be used once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"refresh_token": "<token>"}]})

    refresh_token: SecretStr


class SessionRead(Row):
    """A session that has not ended."""

    created_at: UtcTime
    last_used_at: Annotated[UtcTime, Field(description="to the minute")]
    user_agent: Annotated[str | None, Field(description="the User-Agent header of the sign-in")]
    current: Annotated[bool, Field(description="whether this request belongs to this session")]

    @classmethod
    def of(cls, session: Session, *, current: bool) -> Self:
        """Take the fields of the contract, and no others, from a session's row."""
        return cls(
            id=session.id,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            user_agent=session.user_agent,
            current=current,
        )


class SessionPage(Page[SessionRead]):
    """Some of a user's sessions, newest first."""


class PublicKey(Representation):
    """A key to verify access tokens with (RFC 7517, RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    use: Literal["sig"]
    alg: Literal["EdDSA"]


class PublicKeys(Representation):
    """All keys that verify access tokens, now or soon (RFC 7517, section 5)."""

    keys: list[PublicKey]

"""The settings of access tokens and sessions."""

from typing import Annotated, Final

from pydantic import Field

from app.settings.types import EnvironmentSettings, SigningKeys

_MAX_SECONDS: Final = 10 * 365 * 24 * 60 * 60
Lifetime = Annotated[int, Field(gt=0, le=_MAX_SECONDS)]
"""Seconds, at most ten years."""


class TokenSettings(EnvironmentSettings):
    """The settings of access tokens. The lifetime of a token is in seconds."""

    # The private key that signs access tokens: an Ed25519 seed in Base64. During a rotation, the
    # value also contains the next key; see `python -m app rotate-key`.
    token_signing_key: SigningKeys
    token_issuer: str = "roundtrip"
    token_audience: str = "roundtrip"
    token_lifetime: Lifetime = 15 * 60


class SessionSettings(TokenSettings):
    """The settings of sessions, and of their access tokens."""

    # A session ends when it is SESSION_LIFETIME old, or has not been used for
    # SESSION_IDLE_LIFETIME.
    session_lifetime: Lifetime = 30 * 24 * 60 * 60
    session_idle_lifetime: Lifetime = 7 * 24 * 60 * 60

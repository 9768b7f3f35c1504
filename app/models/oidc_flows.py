"""Sign-ins at an identity provider that have begun and not ended."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class OidcFlow:
    """What was asked of a provider, and in which browser, until `expires_at`.

    The row is deleted when it is used, so that an answer counts once. What the browser
    holds is stored as its SHA-256 only.
    """

    state_hash: bytes
    browser_hash: bytes
    provider: str
    redirect_uri: str
    nonce: str
    code_verifier: str
    return_to: str
    user_id: int | None
    """The user who links an identity to the account; None for a sign-in."""
    session_id: int | None
    """The session in which the user does so."""
    expires_at: datetime

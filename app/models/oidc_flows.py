"""Unfinished flows at identity providers: sign-ins, and links of identities to accounts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

FLOW_LIFETIME: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class OidcFlow:
    """An authorization request and the browser that began it. A flow is valid until `expires_at`.

    The flow is deleted when a response of the provider uses it, so that the response works once.
    Only the SHA-256 of the browser's secret is stored.
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
    """The session in which the user links the identity; None for a sign-in."""
    expires_at: datetime

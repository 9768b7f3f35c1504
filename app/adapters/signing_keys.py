"""The keys of access tokens. One key signs. Each key verifies until its tokens have expired."""

import base64
import hashlib
import json
import math
import secrets
from collections.abc import Sequence
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from app.settings.types import SigningKey


class Key:
    """An Ed25519 key pair. Its id is its thumbprint (RFC 7638)."""

    def __init__(self, key: SigningKey, *, verifies_until: float) -> None:
        """`verifies_until` is in seconds since the epoch."""
        self.signs_from = key.signs_from
        self.verifies_until = verifies_until
        self.private = Ed25519PrivateKey.from_private_bytes(key.seed)
        self.public = self.private.public_key()
        jwk = OKPAlgorithm.to_jwk(self.public, as_dict=True)
        # The id is the thumbprint (RFC 7638): a hash of the required members (RFC 8037, section 2),
        # sorted by name and without blanks.
        required = {name: jwk[name] for name in ("crv", "kty", "x")}
        canonical = json.dumps(required, separators=(",", ":"))
        self.id = _base64url(hashlib.sha256(canonical.encode()).digest())
        self.public_jwk = {**jwk, "kid": self.id, "use": "sig", "alg": "EdDSA"}
        """The public key as a JWK (RFC 8037, section 2)."""


class KeyRing:
    """Selects the key that signs, and the keys that verify, at a given time.

    A key signs from its `signs_from` until the `signs_from` of the next key. It verifies even
    before it signs, because processes get a new key at different times. After the next key has
    begun to sign, the old key verifies until the last token that it signed has expired.
    """

    def __init__(self, keys: Sequence[SigningKey], token_lifetime: int) -> None:
        """`keys` are in the order of their `signs_from`; `token_lifetime` is in seconds."""
        ends = [key.signs_from.timestamp() + token_lifetime for key in keys[1:]]
        self.keys = [
            Key(key, verifies_until=end) for key, end in zip(keys, [*ends, math.inf], strict=True)
        ]

    def signing(self, now: datetime) -> Key:
        """Return the key that signs."""
        return next(key for key in reversed(self.keys) if key.signs_from <= now)

    def verifying(self, now: datetime) -> dict[str, Key]:
        """Return the keys that verify, by id."""
        return {key.id: key for key in self.keys if key.verifies_until > now.timestamp()}


def rotated(
    keys: Sequence[SigningKey], *, now: datetime, signs_from: datetime, token_lifetime: int
) -> tuple[SigningKey, ...]:
    """Return the keys that still verify tokens, and a new key that signs from `signs_from`.

    Raises `ValueError` if the last key does not sign yet.
    """
    if keys[-1].signs_from > now:
        raise ValueError("the last key does not sign yet")
    needed = KeyRing(keys, token_lifetime).verifying(now)
    first, *others = keys[-len(needed) :]
    return (SigningKey(first.seed), *others, SigningKey(secrets.token_bytes(32), signs_from))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

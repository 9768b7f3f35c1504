"""Access tokens: signed JWTs that name a user and a session (RFC 7519, RFC 9068)."""

import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from cachetools import LRUCache

from app.adapters.signing_keys import KeyRing
from app.errors import InvalidToken
from app.settings import Settings
from app.tracing import staged

_REQUIRED_CLAIMS = ["iss", "aud", "sub", "sid", "jti", "iat", "exp"]
_TYPE = "at+jwt"
_LEEWAY_SECONDS = 10
"""How far ahead the clock of the process that issued a token may be."""
_MAX_TOKEN_CHARACTERS = 2048
_MAX_CACHED_TOKENS = 10_000
"""Each cached token takes about 400 bytes."""


@dataclass(frozen=True)
class Claims:
    """The claims of a verified access token."""

    user_id: int
    session_id: int
    until: float
    """When the token or its key expires, whichever is first; in seconds since the epoch."""


class AccessTokens:
    """Issues and verifies access tokens with Ed25519 keys (RFC 8037).

    Verifying a signature takes 150 µs, so verified tokens are cached until they expire. This
    class does not check whether the session of a token is still live.
    """

    def __init__(self, settings: Settings) -> None:
        self._keys = KeyRing(settings.token_signing_key, settings.token_lifetime)
        self._issuer = settings.token_issuer
        self._audience = settings.token_audience
        self.lifetime = settings.token_lifetime
        self._verified: LRUCache[str, Claims] = LRUCache(_MAX_CACHED_TOKENS)

    def issue(self, *, user_id: int, session_id: int, now: datetime) -> str:
        """Return a signed token that is valid for `lifetime` seconds."""
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(user_id),
            "sid": str(session_id),
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + timedelta(seconds=self.lifetime),
        }
        key = self._keys.signing(now)
        headers = {"typ": _TYPE, "kid": key.id}
        return jwt.encode(claims, key.private, algorithm="EdDSA", headers=headers)

    def public_keys(self) -> list[dict[str, str]]:
        """Return all public keys that verify tokens, even before they sign, as JWKs (RFC 7517)."""
        return [key.public_jwk for key in self._keys.verifying(datetime.now(UTC)).values()]

    def verify(self, token: str) -> Claims:
        """Verify the signature, the header and every claim. Raises `InvalidToken`.

        The token cannot choose how it is verified: the algorithm is fixed, only keys of this
        service are accepted, and a header with `crit` is refused (RFC 8725, section 3).
        """
        claims = self._verified.get(token)
        if claims is None or claims.until <= time.time():
            claims = self._verified[token] = self._verify(token)
        return claims

    @staged("token")
    def _verify(self, token: str) -> Claims:
        if len(token) > _MAX_TOKEN_CHARACTERS:
            raise InvalidToken
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.verifying(datetime.now(UTC)).get(header.get("kid", ""))
            if header.get("typ") != _TYPE or key is None or "crit" in header:
                raise InvalidToken
            claims = jwt.decode(
                token,
                key.public,
                algorithms=["EdDSA"],
                issuer=self._issuer,
                audience=self._audience,
                leeway=_LEEWAY_SECONDS,
                options={"require": _REQUIRED_CLAIMS},
            )
            # PyJWT applies the leeway to `exp` too, but the service must not accept expired tokens.
            if claims["exp"] <= time.time():
                raise InvalidToken
            return Claims(
                user_id=_row_id(claims["sub"]),
                session_id=_row_id(claims["sid"]),
                until=min(claims["exp"], key.verifies_until),
            )
        except (jwt.InvalidTokenError, ValueError) as error:
            raise InvalidToken from error


def _row_id(claim: str) -> int:
    row_id = int(claim)
    if not 0 < row_id < 2**63:
        raise InvalidToken
    return row_id


def new_secret() -> tuple[str, bytes]:
    """Return 256 random bits as text, and the hash to store instead of the text."""
    secret = secrets.token_urlsafe(32)
    return secret, hash_of(secret)


def hash_of(secret: str) -> bytes:
    """Return the SHA-256 of a secret. The tables contain this hash instead of the secret."""
    return hashlib.sha256(secret.encode()).digest()

"""Access tokens: signed JWTs that say who asks and in which session (RFC 7519, RFC 9068)."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.errors import InvalidToken
from app.settings import Settings

_REQUIRED = ["iss", "aud", "sub", "sid", "jti", "iat", "exp"]
_TYPE = "at+jwt"
_LONGEST = 2048


@dataclass(frozen=True)
class Claims:
    """What a verified access token says."""

    user_id: int
    session_id: int


class AccessTokens:
    """Issues and verifies access tokens with one Ed25519 key (RFC 8037)."""

    def __init__(self, settings: Settings) -> None:
        seed = base64.b64decode(settings.token_signing_key.get_secret_value())
        self._private_key = Ed25519PrivateKey.from_private_bytes(seed)
        self._public_key = self._private_key.public_key()
        self._key_id = _thumbprint(self._public_key.public_bytes(Encoding.Raw, PublicFormat.Raw))
        self._issuer = settings.token_issuer
        self._audience = settings.token_audience
        self.lifetime = settings.token_lifetime

    def issue(self, *, user_id: int, session_id: int, now: datetime) -> str:
        """Return a signed token that is good for `lifetime` seconds."""
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(user_id),
            "sid": str(session_id),
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + timedelta(seconds=self.lifetime),
        }
        headers = {"typ": _TYPE, "kid": self._key_id}
        return jwt.encode(claims, self._private_key, algorithm="EdDSA", headers=headers)

    def verify(self, token: str) -> Claims:
        """Check signature, header and every claim. Raises `InvalidToken`.

        Nothing in the token decides how it is checked: the algorithm is fixed, the key is
        ours, and a header that asks for more (`crit`) is refused (RFC 8725, section 3).
        """
        if len(token) > _LONGEST:
            raise InvalidToken
        try:
            header = jwt.get_unverified_header(token)
            if header.get("typ") != _TYPE or header.get("kid") != self._key_id or "crit" in header:
                raise InvalidToken
            claims = jwt.decode(
                token,
                self._public_key,
                algorithms=["EdDSA"],
                issuer=self._issuer,
                audience=self._audience,
                options={"require": _REQUIRED},
            )
            return Claims(user_id=_row_id(claims["sub"]), session_id=_row_id(claims["sid"]))
        except (jwt.InvalidTokenError, ValueError) as error:
            raise InvalidToken from error


def _row_id(claim: str) -> int:
    row_id = int(claim)
    if not 0 < row_id < 2**63:
        raise InvalidToken
    return row_id


def _thumbprint(public_key: bytes) -> str:
    # RFC 7638 over the members that RFC 8037 names, in their order.
    x = base64.urlsafe_b64encode(public_key).rstrip(b"=").decode()
    canonical = f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'
    return (
        base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()
    )


def new_refresh_token() -> tuple[str, bytes]:
    """Return 256 random bits as text, and the SHA-256 that is stored in their place."""
    token = secrets.token_urlsafe(32)
    return token, hashlib.sha256(token.encode()).digest()

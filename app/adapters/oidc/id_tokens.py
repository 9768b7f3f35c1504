"""ID tokens: what an identity provider says about somebody (OpenID Connect Core, section 2)."""

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import jwt
import structlog

from app.errors import OidcRefused

ALGORITHMS = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
)
"""Signatures by a private key: never `none`, and no shared secret (RFC 8725, section 3.1)."""
_REQUIRED = ["iss", "sub", "aud", "exp", "iat", "nonce"]
_LEEWAY = 30
"""Seconds by which two clocks may differ."""
_LONGEST = 16 * 1024
_LONGEST_SUBJECT = 255
# The members of a public key (RFC 7518, section 6; RFC 8037, section 2), and no private ones.
_PUBLIC = ("kty", "crv", "x", "y", "n", "e", "alg")
_log = structlog.get_logger()
_reader = jwt.PyJWT(options={"enforce_minimum_key_length": True})

Key = Mapping[str, object]
"""One member of a JWK Set (RFC 7517, section 5)."""


@dataclass(frozen=True)
class Claimed:
    """Who signed in, as the provider says; only issuer and subject tell one from another."""

    issuer: str
    subject: str
    email: str | None
    name: str | None


@dataclass(frozen=True)
class Expected:
    """What must stand in a token for it to be ours, and the answer to our question."""

    issuer: str
    client_id: str
    nonce: str
    algorithms: Collection[str]


def find_key(token: str, keys: Collection[Key]) -> Key | None:
    """Return the key that a token names, or the only one there is; None if it is not there.

    Raises `OidcRefused` for what is no token.
    """
    if len(token) > _LONGEST:
        raise OidcRefused
    try:
        wanted = jwt.get_unverified_header(token).get("kid")
    except jwt.InvalidTokenError as error:
        raise OidcRefused from error
    signing = [key for key in keys if key.get("use", "sig") == "sig"]
    found = [key for key in signing if wanted is None or key.get("kid") == wanted]
    return found[0] if len(found) == 1 else None


def verify(token: str, key: Key, expected: Expected) -> Claimed:
    """Check an ID token as OpenID Connect Core demands (section 3.1.3.7).

    Raises `OidcRefused`; what was wrong is for the log, not for whoever sent it.
    """
    try:
        algorithm = jwt.get_unverified_header(token)["alg"]
        if algorithm not in expected.algorithms:
            raise OidcRefused
        public = {name: key[name] for name in _PUBLIC if name in key}
        claims = _reader.decode(
            token,
            jwt.PyJWK({"alg": algorithm, **public}),
            algorithms=[algorithm],
            issuer=expected.issuer,
            audience=expected.client_id,
            leeway=_LEEWAY,
            options={"require": _REQUIRED},
        )
    except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
        _log.warning("id_token_refused", issuer=expected.issuer, reason=type(error).__name__)
        raise OidcRefused from error
    _check_party_and_nonce(claims, expected)
    return _claimed(claims)


def _check_party_and_nonce(claims: Mapping[str, object], expected: Expected) -> None:
    audience, nonce = claims["aud"], claims["nonce"]
    alone = isinstance(audience, str) or audience == [expected.client_id]
    party = claims.get("azp", expected.client_id if alone else None)
    if party != expected.client_id:
        raise OidcRefused
    if not isinstance(nonce, str) or not nonce.isascii():
        raise OidcRefused
    if not hmac.compare_digest(nonce, expected.nonce):
        raise OidcRefused


def _claimed(claims: Mapping[str, object]) -> Claimed:
    subject, email, name = claims["sub"], claims.get("email"), claims.get("name")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise OidcRefused
    if not subject.isascii() or not subject.isprintable():
        raise OidcRefused
    # Most providers send a boolean, as section 5.1 has it, and some a string.
    verified = claims.get("email_verified") is True or claims.get("email_verified") == "true"
    return Claimed(
        issuer=str(claims["iss"]),
        subject=subject,
        email=email if verified and isinstance(email, str) else None,
        name=name if isinstance(name, str) else None,
    )

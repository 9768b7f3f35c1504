"""ID tokens: an identity provider's claims about a user (OpenID Connect Core, section 2)."""

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import jwt
import structlog

from app.errors import OidcRefused
from app.settings import Provider

ALGORITHMS = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
)
"""The accepted algorithms. All are asymmetric, so the service has no key that can sign an ID token.

`none` and HMAC are not accepted (RFC 8725, section 3.1).
"""
_REQUIRED_CLAIMS = ["iss", "sub", "aud", "exp", "iat", "nonce"]
_LEEWAY_SECONDS = 30
"""The clocks of the provider and the service may differ by at most this time."""
_MAX_TOKEN_CHARACTERS = 16 * 1024
_MAX_SUBJECT_CHARACTERS = 255
# The members of a public key, without those of a private key (RFC 7518, section 6; RFC 8037,
# section 2).
_PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e", "alg")
_log = structlog.get_logger()
_decoder = jwt.PyJWT(options={"enforce_minimum_key_length": True})

Jwk = Mapping[str, object]
"""One key of a JWK Set (RFC 7517, section 5)."""


@dataclass(frozen=True)
class IdTokenClaims:
    """The provider's claims about the user. Only issuer and subject identify the user."""

    issuer: str
    subject: str
    email: str | None
    name: str | None


def find_key(token: str, keys: Collection[Jwk]) -> Jwk | None:
    """Return the key that the token's `kid` names, or the only key if the token has no `kid`.

    Ignores keys that are not for signatures. Returns None if no key or several keys match. Raises
    `OidcRefused` if the token is malformed.
    """
    if len(token) > _MAX_TOKEN_CHARACTERS:
        raise OidcRefused
    try:
        key_id = jwt.get_unverified_header(token).get("kid")
    except jwt.InvalidTokenError as error:
        raise OidcRefused from error
    signing = [key for key in keys if key.get("use", "sig") == "sig"]
    matching = [key for key in signing if key_id is None or key.get("kid") == key_id]
    return matching[0] if len(matching) == 1 else None


def verify(
    token: str, key: Jwk, provider: Provider, *, nonce: str, algorithms: Collection[str]
) -> IdTokenClaims:
    """Verify an ID token as OpenID Connect Core requires (section 3.1.3.7).

    `nonce` is the nonce of the authorization request. `algorithms` are the names of the signature
    algorithms that are allowed. Raises `OidcRefused` if the token is not valid. The client is not
    told why.
    """
    try:
        algorithm = jwt.get_unverified_header(token)["alg"]
        if algorithm not in algorithms:
            raise OidcRefused
        public = {name: key[name] for name in _PUBLIC_MEMBERS if name in key}
        claims = _decoder.decode(
            token,
            jwt.PyJWK({"alg": algorithm, **public}),
            algorithms=[algorithm],
            issuer=provider.issuer,
            audience=provider.client_id,
            leeway=_LEEWAY_SECONDS,
            options={"require": _REQUIRED_CLAIMS},
        )
    except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
        _log.warning("id_token_refused", issuer=provider.issuer, reason=type(error).__name__)
        raise OidcRefused from error
    _check_authorized_party_and_nonce(claims, provider.client_id, nonce)
    return _parsed(claims)


def _check_authorized_party_and_nonce(
    claims: Mapping[str, object], client_id: str, expected_nonce: str
) -> None:
    audience, nonce = claims["aud"], claims["nonce"]
    is_only_audience = isinstance(audience, str) or audience == [client_id]
    authorized_party = claims.get("azp", client_id if is_only_audience else None)
    if authorized_party != client_id:
        raise OidcRefused
    if not isinstance(nonce, str) or not nonce.isascii():
        raise OidcRefused
    if not hmac.compare_digest(nonce, expected_nonce):
        raise OidcRefused


def _parsed(claims: Mapping[str, object]) -> IdTokenClaims:
    subject, email, name = claims["sub"], claims.get("email"), claims.get("name")
    if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT_CHARACTERS:
        raise OidcRefused
    if not subject.isascii() or not subject.isprintable():
        raise OidcRefused
    # Most providers send `email_verified` as a boolean, as section 5.1 requires. Some send a
    # string.
    verified = claims.get("email_verified") is True or claims.get("email_verified") == "true"
    return IdTokenClaims(
        issuer=str(claims["iss"]),
        subject=subject,
        email=email if verified and isinstance(email, str) else None,
        name=name if isinstance(name, str) else None,
    )

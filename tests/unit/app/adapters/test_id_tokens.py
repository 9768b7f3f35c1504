"""The checks of ID tokens."""

import time
from typing import Any

import jwt
import pytest
from pydantic import SecretStr

from app.adapters.oidc.id_tokens import ALGORITHMS, IdTokenClaims, find_key, verify
from app.errors import OidcRefused
from app.settings import Provider
from tests.integration.hostile_provider import Key

_KEY = Key()
_ISSUER, _CLIENT = "https://id.example.com", "client"
_PROVIDER = Provider("test", _ISSUER, _CLIENT, SecretStr("x"), frozenset(("id.example.com",)))


def _verified(claims: dict[str, Any], *algorithms: str) -> IdTokenClaims:
    now = int(time.time())
    valid = {"iss": _ISSUER, "aud": _CLIENT, "sub": "s", "nonce": "n", "iat": now, "exp": now + 9}
    token = jwt.encode({**valid, **claims}, _KEY.private, "ES256", headers={"kid": _KEY.id})
    key = find_key(token, [Key().jwk, _KEY.jwk])
    assert key is not None
    return verify(token, key, _PROVIDER, nonce="n", algorithms=algorithms or ALGORITHMS)


def test_a_valid_token_identifies_the_user() -> None:
    """The claims have issuer, subject and name, and the email if the provider has verified it."""
    claims = {"email": "a@example.com", "email_verified": True, "name": "A"}
    assert _verified(claims) == IdTokenClaims(_ISSUER, "s", "a@example.com", "A")
    assert _verified({}) == IdTokenClaims(_ISSUER, "s", None, None)


def test_an_algorithm_that_the_provider_does_not_use_is_refused() -> None:
    """Such a token is refused even if its signature is valid (RFC 8725, section 3.1)."""
    assert _verified({}, "ES256").subject == "s"
    with pytest.raises(OidcRefused):
        _verified({}, "RS256")  # check 22


def test_only_algorithms_with_a_private_key_are_allowed() -> None:
    """`none` and HMAC are not allowed, even if the provider's metadata lists them."""
    assert not [name for name in ALGORITHMS if name == "none" or name.startswith("HS")]


def test_a_token_for_several_audiences_names_this_client_as_authorized_party() -> None:
    """Without this `azp`, the token is refused (OpenID Connect Core, section 3.1.3.7)."""
    assert _verified({"aud": [_CLIENT, "other"], "azp": _CLIENT}).subject == "s"
    assert _verified({"aud": [_CLIENT]}).subject == "s"
    refused: list[dict[str, Any]] = [
        {"aud": [_CLIENT, "other"]},
        {"aud": [_CLIENT, _CLIENT], "azp": "other"},
    ]
    for claims in refused:
        with pytest.raises(OidcRefused):
            _verified(claims)  # check 22


def test_email_verified_may_be_the_string_true() -> None:
    """Some providers send a boolean as a string. All values but `true` and "true" mean false."""
    email = {"email": "a@example.com"}
    assert _verified({**email, "email_verified": "true"}).email == "a@example.com"
    others: list[Any] = ["false", "True", "1", 1, [], None]
    for other in others:
        assert _verified({**email, "email_verified": other}).email is None


def test_a_key_is_found_by_its_id_or_because_it_is_the_only_one() -> None:
    """An encryption key is never used. If several keys match, no key is used."""
    without_kid = jwt.encode({}, _KEY.private, "ES256")
    with_kid = jwt.encode({}, _KEY.private, "ES256", headers={"kid": _KEY.id})
    other = Key().jwk
    assert find_key(without_kid, [_KEY.jwk]) == _KEY.jwk
    assert find_key(without_kid, [_KEY.jwk, other]) is None
    assert find_key(with_kid, [other]) is None
    assert find_key(with_kid, [{**_KEY.jwk, "use": "enc"}]) is None
    assert find_key(without_kid, []) is None

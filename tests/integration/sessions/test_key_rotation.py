"""Rotation of the signing key: no session ends, and the old key expires with its last token."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lab.stack.config.secrets import signing_key
from tests.accounts import Account, sign_up
from tests.conftest import StartService
from tests.integration.signed_in import Tokens, bearer, me, refresh, signed_in, tokens_in
from tests.integration.wire import at_once, problem

JWKS = "/.well-known/jwks.json"
LIFETIME_SECONDS = 900


class _KeyPair:
    """A key pair whose key id is computed from the standards, without the service's code."""

    def __init__(self, seed: str) -> None:
        self.private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(seed))
        public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.x = _base64url(public)
        # RFC 7638, section 3, with the members of RFC 8037, section 2.
        members = {"crv": "Ed25519", "kty": "OKP", "x": self.x}
        text = json.dumps(members, sort_keys=True, separators=(",", ":"))
        self.id = _base64url(hashlib.sha256(text.encode()).digest())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def next_key() -> str:
    """The next signing key, as it is written in TOKEN_SIGNING_KEY."""
    return signing_key()


@pytest.fixture(scope="module")
def old(token_signing_key: str) -> _KeyPair:
    """The signing key of every service in the tests."""
    return _KeyPair(token_signing_key)


@pytest.fixture(scope="module")
def new(next_key: str) -> _KeyPair:
    """The signing key that replaces the old key."""
    return _KeyPair(next_key)


@pytest.fixture(scope="module")
def rotation(
    start_service: StartService, token_signing_key: str, next_key: str
) -> dict[str, httpx2.Client]:
    """Processes an hour before the rotation, just after it, and one token lifetime after it."""
    now = datetime.now(UTC)
    moments = {
        "before": now + timedelta(hours=1),
        "after": now - timedelta(seconds=1),
        "end": now - timedelta(seconds=LIFETIME_SECONDS + 1),
    }
    start = partial(start_service, TOKEN_LIFETIME=str(LIFETIME_SECONDS))
    services = at_once(
        partial(start, TOKEN_SIGNING_KEY=f"{token_signing_key}, {next_key}@{moment.isoformat()}")
        for moment in moments.values()
    )
    return {name: it.client for name, it in zip(moments, services, strict=True)}


def _kid(tokens: Tokens) -> Any:
    return jwt.get_unverified_header(tokens.access)["kid"]


def _keys(client: httpx2.Client) -> list[dict[str, Any]]:
    response = client.get(JWKS)
    assert response.status_code == 200
    assert set(response.json()) == {"keys"}
    keys: list[dict[str, Any]] = response.json()["keys"]
    return keys


def _ids(client: httpx2.Client) -> list[str]:
    return [key["kid"] for key in _keys(client)]


def test_before_the_rotation_processes_with_and_without_the_next_key_agree(
    client: httpx2.Client, rotation: dict[str, httpx2.Client], shared_user: Account, old: _KeyPair
) -> None:
    """Both processes sign with the old key, and each accepts the tokens of the other."""
    for issuer in (client, rotation["before"]):
        tokens = signed_in(issuer, shared_user)
        assert _kid(tokens) == old.id
        for verifier in (client, rotation["before"]):
            assert me(verifier, tokens.auth).status_code == 200  # check 14


def test_a_process_before_its_rotation_accepts_tokens_of_the_next_key(
    rotation: dict[str, httpx2.Client], shared_user: Account, new: _KeyPair
) -> None:
    """A process verifies with the next key as soon as the key is in its setting."""
    tokens = signed_in(rotation["after"], shared_user)
    assert _kid(tokens) == new.id
    assert me(rotation["before"], tokens.auth).status_code == 200  # check 14
    tokens = tokens_in(refresh(rotation["before"], tokens.refresh))
    assert me(rotation["after"], tokens.auth).status_code == 200  # check 14


def test_after_the_rotation_new_tokens_have_the_new_key_and_old_ones_are_accepted(
    client: httpx2.Client, rotation: dict[str, httpx2.Client], shared_user: Account, new: _KeyPair
) -> None:
    """A refresh replaces an old token by a new one, so no session ends."""
    tokens = signed_in(client, shared_user)
    assert me(rotation["after"], tokens.auth).status_code == 200  # check 14
    newer = tokens_in(refresh(rotation["after"], tokens.refresh))
    assert _kid(newer) == new.id
    assert me(rotation["after"], newer.auth).status_code == 200
    # A process without the new key in its setting refuses tokens that the new key has signed.
    problem(me(client, newer.auth), 401, "invalid-token")


def test_the_old_key_is_refused_after_its_last_token_has_expired(
    client: httpx2.Client, rotation: dict[str, httpx2.Client], shared_user: Account,
    old: _KeyPair, new: _KeyPair,
) -> None:  # fmt: skip
    """The old key is refused even in a token with a forged later `exp`.

    Refresh tokens are not signed, and stay valid.
    """
    tokens = signed_in(client, shared_user)
    claims = jwt.decode(tokens.access, options={"verify_signature": False})

    def forged(pair: _KeyPair, kid: str) -> dict[str, str]:
        later = {**claims, "exp": claims["exp"] + 10**6}
        headers = {"typ": "at+jwt", "kid": kid}
        return bearer(jwt.encode(later, pair.private, algorithm="EdDSA", headers=headers))

    assert me(rotation["after"], forged(old, old.id)).status_code == 200
    for headers in (tokens.auth, forged(old, old.id), forged(old, new.id), forged(new, old.id)):
        problem(me(rotation["end"], headers), 401, "invalid-token")  # check 14
    newer = tokens_in(refresh(rotation["end"], tokens.refresh))
    assert _kid(newer) == new.id
    assert me(rotation["end"], newer.auth).status_code == 200  # check 14


def test_cursors_stay_valid_during_a_rotation(
    client: httpx2.Client, rotation: dict[str, httpx2.Client], admin: Account
) -> None:
    """A process accepts a cursor if its setting contains the key that made the cursor."""
    sign_up(client)
    before, after = rotation["before"], rotation["after"]
    cursors = {
        it: it.get("/api/users?limit=1", headers=admin.auth).json()["next_cursor"]
        for it in (client, before, after)
    }
    assert cursors[client] == cursors[before] != cursors[after]
    for issuer, reader in ((client, after), (before, after), (after, before), (before, client)):
        url = f"/api/users?limit=1&cursor={cursors[issuer]}"
        assert reader.get(url, headers=admin.auth).status_code == 200  # check 14
    problem(client.get(f"/api/users?cursor={cursors[after]}", headers=admin.auth), 400,
            "malformed-cursor")  # fmt: skip


def test_the_published_keys_are_those_that_verify_now_or_soon(
    client: httpx2.Client, rotation: dict[str, httpx2.Client], old: _KeyPair, new: _KeyPair
) -> None:
    """A published key has only public members, and its thumbprint as `kid`."""
    assert _ids(client) == [old.id]
    assert _ids(rotation["before"]) == _ids(rotation["after"]) == [old.id, new.id]  # check 14
    assert _ids(rotation["end"]) == [new.id]  # check 14
    public = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA"}
    keys = [{**public, "x": pair.x, "kid": pair.id} for pair in (old, new)]
    assert _keys(rotation["after"]) == keys  # check 14, check 27


def test_the_published_keys_are_the_same_for_every_client(
    rotation: dict[str, httpx2.Client],
) -> None:
    """A client that has older keys gets the new ones."""
    client = rotation["after"]
    response = client.get(JWKS)
    assert response.headers["Content-Type"] == "application/json"
    conditional = {"If-None-Match": response.headers["ETag"]}
    assert rotation["end"].get(JWKS, headers=conditional).status_code == 200
    for headers in ({"Authorization": "Bearer x"}, {"Cookie": "__Host-session=x"}):
        assert client.get(JWKS, headers=headers).content == response.content
    problem(client.post(JWKS), 405, "method-not-allowed")
    problem(client.get(JWKS, headers={"Accept": "text/html"}), 406, "not-acceptable")


def test_a_library_can_verify_a_token_with_the_published_keys(
    client: httpx2.Client, rotation: dict[str, httpx2.Client], shared_user: Account
) -> None:
    """PyJWT finds the key of a token by `kid`, and accepts the signature."""
    keys = jwt.PyJWKSet.from_dict(rotation["after"].get(JWKS).json())
    for issuer in (client, rotation["after"]):
        token = signed_in(issuer, shared_user).access
        key = keys[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(
            token, key, algorithms=["EdDSA"], audience="roundtrip", issuer="roundtrip"
        )
        assert claims["sub"] == str(shared_user.id)


@pytest.mark.parametrize("kid", [7, None, [], {}, True, "", "x" * 500, "\x00", "ü"])
def test_an_invalid_key_id_is_refused(
    client: httpx2.Client, shared_user: Account, kid: Any
) -> None:
    """The service only compares `kid` with the ids of its own keys."""
    _, claims, signature = shared_user.token.split(".")
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid}
    forged = f"{_base64url(json.dumps(header).encode())}.{claims}.{signature}"
    problem(me(client, bearer(forged)), 401, "invalid-token")  # check 11, check 29

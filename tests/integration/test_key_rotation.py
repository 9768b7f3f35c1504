"""Another key begins to sign: nobody is signed out, and the old key ends when it may."""

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.accounts import Account, sign_up
from tests.conftest import StartService
from tests.integration.signed_in import Tokens, bearer, me, refresh, signed_in, tokens_in
from tests.integration.wire import at_once, problem
from tests.service import signing_key

JWKS = "/.well-known/jwks.json"
LIFETIME = 900


class _Pair:
    """A key pair, as the tests know it: by the standards, not by the service's own code."""

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
    """The key to come."""
    return signing_key()


@pytest.fixture(scope="module")
def old(token_signing_key: str) -> _Pair:
    """The key that every service of the tests has."""
    return _Pair(token_signing_key)


@pytest.fixture(scope="module")
def new(next_key: str) -> _Pair:
    """The key that takes over."""
    return _Pair(next_key)


@pytest.fixture(scope="module")
def rotation(
    start_service: StartService, token_signing_key: str, next_key: str
) -> dict[str, httpx2.Client]:
    """Processes as they are an hour before the change, after it, and a token's lifetime later."""
    now = datetime.now(UTC)
    moments = {
        "before": now + timedelta(hours=1),
        "after": now - timedelta(seconds=1),
        "end": now - timedelta(seconds=LIFETIME + 1),
    }
    calls: list[Callable[[], httpx2.Client]] = [
        partial(_start, start_service, f"{token_signing_key}, {next_key}@{moment.isoformat()}")
        for moment in moments.values()
    ]
    return dict(zip(moments, at_once(calls), strict=True))


def _start(start_service: StartService, keys: str) -> httpx2.Client:
    return start_service(TOKEN_SIGNING_KEY=keys, TOKEN_LIFETIME=str(LIFETIME)).client


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


def test_before_the_change_processes_with_and_without_the_next_key_agree(
    client: httpx2.Client, rotation: dict[str, httpx2.Client], somebody: Account, old: _Pair
) -> None:
    """Both sign with the old key, and each takes what the other has signed."""
    for issuer in (client, rotation["before"]):
        tokens = signed_in(issuer, somebody)
        assert _kid(tokens) == old.id
        for verifier in (client, rotation["before"]):
            assert me(verifier, tokens.auth).status_code == 200  # check 14


def test_a_process_that_is_late_still_takes_the_new_keys_tokens(
    rotation: dict[str, httpx2.Client], somebody: Account, new: _Pair
) -> None:
    """The next key verifies from the moment that a process has it."""
    tokens = signed_in(rotation["after"], somebody)
    assert _kid(tokens) == new.id
    assert me(rotation["before"], tokens.auth).status_code == 200  # check 14
    tokens = tokens_in(refresh(rotation["before"], tokens.refresh))
    assert me(rotation["after"], tokens.auth).status_code == 200  # check 14


def test_after_the_change_new_tokens_carry_the_new_key_and_old_ones_go_on(
    client: httpx2.Client, rotation: dict[str, httpx2.Client], somebody: Account, new: _Pair
) -> None:
    """A refresh turns the one into the other; nobody is signed out."""
    tokens = signed_in(client, somebody)
    assert me(rotation["after"], tokens.auth).status_code == 200  # check 14
    newer = tokens_in(refresh(rotation["after"], tokens.refresh))
    assert _kid(newer) == new.id
    assert me(rotation["after"], newer.auth).status_code == 200
    # A process that was never told of the new key takes nothing from it.
    problem(me(client, newer.auth), 401, "invalid-token")


def test_the_old_key_ends_with_its_last_token_even_for_a_forger_who_has_it(
    client: httpx2.Client, rotation: dict[str, httpx2.Client], somebody: Account,
    old: _Pair, new: _Pair,
) -> None:  # fmt: skip
    """A later `exp` helps nobody; the refresh token, which no key has signed, still does."""
    tokens = signed_in(client, somebody)
    claims = jwt.decode(tokens.access, options={"verify_signature": False})

    def forged(pair: _Pair, kid: str) -> dict[str, str]:
        later = {**claims, "exp": claims["exp"] + 10**6}
        headers = {"typ": "at+jwt", "kid": kid}
        return bearer(jwt.encode(later, pair.private, algorithm="EdDSA", headers=headers))

    assert me(rotation["after"], forged(old, old.id)).status_code == 200
    for headers in (tokens.auth, forged(old, old.id), forged(old, new.id), forged(new, old.id)):
        problem(me(rotation["end"], headers), 401, "invalid-token")  # check 14
    newer = tokens_in(refresh(rotation["end"], tokens.refresh))
    assert _kid(newer) == new.id
    assert me(rotation["end"], newer.auth).status_code == 200  # check 14


def test_paging_goes_on_while_another_key_takes_over(
    client: httpx2.Client, rotation: dict[str, httpx2.Client], admin: Account
) -> None:
    """A cursor is accepted by every process that has its key in the setting."""
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


def test_the_public_keys_are_those_that_verify_now_or_soon(
    client: httpx2.Client, rotation: dict[str, httpx2.Client], old: _Pair, new: _Pair
) -> None:
    """Public members only, under the thumbprint as `kid`."""
    assert _ids(client) == [old.id]
    assert _ids(rotation["before"]) == _ids(rotation["after"]) == [old.id, new.id]  # check 14
    assert _ids(rotation["end"]) == [new.id]  # check 14
    public = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA"}
    keys = [{**public, "x": pair.x, "kid": pair.id} for pair in (old, new)]
    assert _keys(rotation["after"]) == keys  # check 14, check 27


def test_the_public_keys_may_be_cached_by_anybody(rotation: dict[str, httpx2.Client]) -> None:
    """Revalidated each time; who asks makes no difference."""
    client = rotation["after"]
    response = client.get(JWKS)
    assert response.headers["Cache-Control"] == "public, no-cache"
    assert response.headers["Content-Type"] == "application/json"
    known = {"If-None-Match": response.headers["ETag"]}
    unchanged = client.get(JWKS, headers=known)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert rotation["end"].get(JWKS, headers=known).status_code == 200
    for headers in ({"Authorization": "Bearer x"}, {"Cookie": "__Host-session=x"}):
        assert client.get(JWKS, headers=headers).content == response.content
    head = client.head(JWKS)
    assert (head.status_code, head.headers["ETag"]) == (200, response.headers["ETag"])
    problem(client.post(JWKS), 405, "method-not-allowed")
    problem(client.get(JWKS, headers={"Accept": "text/html"}), 406, "not-acceptable")


def test_anybody_can_verify_a_token_with_the_public_keys(
    client: httpx2.Client, rotation: dict[str, httpx2.Client], somebody: Account
) -> None:
    """With a library's own reading of the key set, which finds the key by `kid`."""
    keys = jwt.PyJWKSet.from_dict(rotation["after"].get(JWKS).json())
    for issuer in (client, rotation["after"]):
        token = signed_in(issuer, somebody).access
        key = keys[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(
            token, key, algorithms=["EdDSA"], audience="roundtrip", issuer="roundtrip"
        )
        assert claims["sub"] == str(somebody.id)


@pytest.mark.parametrize("kid", [7, None, [], {}, True, "", "x" * 500, "\x00", "ü"])
def test_a_key_id_of_any_other_kind_is_refused(
    client: httpx2.Client, somebody: Account, kid: Any
) -> None:
    """It is looked up among ours, and nothing else is done with it."""
    _, claims, signature = somebody.token.split(".")
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid}
    forged = f"{_base64url(json.dumps(header).encode())}.{claims}.{signature}"
    problem(me(client, bearer(forged)), 401, "invalid-token")  # check 11, check 29

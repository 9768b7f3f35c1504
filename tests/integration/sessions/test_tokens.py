"""Access tokens: only valid, current tokens of this service are accepted."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.accounts import PASSWORD, Account, log_in
from tests.integration.signed_in import bearer, me
from tests.integration.wire import exchange, problem, raw_status
from tests.service import Service

Forge = Callable[..., str]


def _encode(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


@pytest.fixture(scope="session")
def private_key(token_signing_key: str) -> Ed25519PrivateKey:
    """The service's own key, so that a forged token is wrong only in its content."""
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(token_signing_key))


@pytest.fixture
def forge(shared_user: Account, private_key: Ed25519PrivateKey) -> Forge:
    """Signs a user's token again with changed claims or header. None removes a claim."""
    real_header = jwt.get_unverified_header(shared_user.token)
    real_claims = jwt.decode(shared_user.token, options={"verify_signature": False})

    def sign(header: dict[str, Any] | None = None, **claims: Any) -> str:
        merged = {**real_claims, **claims}
        return jwt.encode(
            {name: value for name, value in merged.items() if value is not None},
            private_key,
            algorithm="EdDSA",
            headers={**real_header, **(header or {})},
        )

    return sign


def _assert_refused(client: httpx2.Client, token: str) -> None:
    response = me(client, bearer(token))
    problem(response, 401, "invalid-token")
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert token not in response.text


def test_an_unchanged_forged_token_is_accepted(client: httpx2.Client, forge: Forge) -> None:
    """Without a change, the token is accepted. So the changes cause the refusals in other tests."""
    assert me(client, bearer(forge())).status_code == 200


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "sid", "jti", "iat", "exp"])
def test_a_token_without_one_of_its_claims_is_refused(
    client: httpx2.Client, forge: Forge, claim: str
) -> None:
    """Each of these claims is required."""
    _assert_refused(client, forge(**{claim: None}))  # check 12


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "another-service"},
        {"aud": "another-service"},
        {"aud": ["another", "service"]},
        {"exp": -60},
        {"exp": -2},
        {"nbf": 15},
        {"nbf": 3600},
        {"iat": 15},
        {"iat": 3600},
        {"sub": "0"},
        {"sub": "x"},
        {"sub": str(2**64)},
        {"sid": "0"},
        {"sid": str(2**63)},
        {"sid": "-1"},
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_is_refused(
    client: httpx2.Client, forge: Forge, claims: dict[str, Any]
) -> None:
    """The signature is valid, but issuer, audience, time, user or session is wrong."""
    now = int(time.time())
    moved = {name: now + value for name, value in claims.items() if isinstance(value, int)}
    _assert_refused(client, forge(**{**claims, **moved}))  # check 12


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_token_of_a_process_whose_clock_is_ahead_is_accepted(
    client: httpx2.Client, forge: Forge, claim: str
) -> None:
    """The clocks of two processes may differ by several seconds."""
    token = forge(**{claim: int(time.time()) + 7})
    assert me(client, bearer(token)).status_code == 200  # check F27


def test_a_token_for_another_users_session_is_refused(
    client: httpx2.Client, forge: Forge, other_user: Account
) -> None:
    """The user and the session of a token must match."""
    _assert_refused(client, forge(sub=str(other_user.id)))  # check 12


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"kid": "another"},
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": False},
        {"kid": "../../etc/passwd", "jku": "http://127.0.0.1:1/keys"},
    ],
    ids=str,
)
def test_a_token_with_another_header_is_refused(
    client: httpx2.Client, forge: Forge, header: dict[str, Any]
) -> None:
    """The header never decides the algorithm or the key."""
    _assert_refused(client, forge(header))  # check 11


def test_a_token_without_a_signature_is_refused(
    client: httpx2.Client, shared_user: Account
) -> None:
    """`alg: none` is refused in every spelling."""
    _, claims, _ = shared_user.token.split(".")
    header = jwt.get_unverified_header(shared_user.token)
    for algorithm in ("none", "None", "NONE", ""):
        _assert_refused(client, f"{_encode({**header, 'alg': algorithm})}.{claims}.")  # check 11


def test_a_token_signed_with_the_public_key_as_secret_is_refused(
    client: httpx2.Client, shared_user: Account, private_key: Ed25519PrivateKey
) -> None:
    """Everyone knows the public key, so a signature by HS256 with this key proves nothing."""
    public_key = private_key.public_key()
    header = {**jwt.get_unverified_header(shared_user.token), "alg": "HS256"}
    _, claims, _ = shared_user.token.split(".")
    signed = f"{_encode(header)}.{claims}"
    for secret in (
        public_key.public_bytes(Encoding.Raw, PublicFormat.Raw),
        public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ):
        hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
        signature = hmac.sign(signed.encode(), secret)
        encoded = base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
        _assert_refused(client, f"{signed}.{encoded}")  # check 11


def test_a_token_with_one_character_changed_is_refused(
    client: httpx2.Client, shared_user: Account
) -> None:
    """The character is in the header, the claims or the signature."""
    for number in range(3):
        parts = shared_user.token.split(".")
        changed = "A" if parts[number][10] != "A" else "B"
        parts[number] = parts[number][:10] + changed + parts[number][11:]
        _assert_refused(client, ".".join(parts))


@pytest.mark.parametrize(
    "token",
    ["x", "a.b", "a.b.c", "....", "%00", "x" * 8000,
     base64.urlsafe_b64encode(b"[" * 1400).decode() + ".e30.e30",
     base64.urlsafe_b64encode(b'{"a":' * 280).decode() + ".e30.e30",
     base64.urlsafe_b64encode(b'{"alg":1e999}').decode() + ".e30.e30",
     base64.urlsafe_b64encode(b'"text"').decode() + ".e30.e30"],
    ids=["letter", "two parts", "three parts", "dots", "percent", "long", "deep array",
         "deep object", "huge number", "text"],
)  # fmt: skip
def test_garbage_in_place_of_a_token_is_refused(client: httpx2.Client, token: str) -> None:
    """No value makes the service fail."""
    _assert_refused(client, token)  # check 29


@pytest.mark.parametrize(
    ("lines", "challenge"),
    [
        (b"", b"Bearer"),
        (b"Authorization: Basic dXNlcjpwYXNz\r\n", b"Bearer"),
        (b"Authorization: \r\n", b"Bearer"),
        (b"Authorization: Bearer\r\n", b'Bearer error="invalid_token"'),
        (b"Authorization: Bearer \xff\xfe\r\n", b'Bearer error="invalid_token"'),
        (b"Authorization: bearer x\r\n", b'Bearer error="invalid_token"'),
    ],
)
def test_a_401_has_an_error_parameter_only_when_a_token_was_sent(
    service: Service, lines: bytes, challenge: bytes
) -> None:
    """RFC 6750, section 3.1: without credentials, the challenge has no error."""
    request = b"GET /api/users/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + lines + b"\r\n"
    response = exchange(service, request)
    assert raw_status(response) == 401
    assert b"www-authenticate: " + challenge.lower() in response.lower()
    assert (b"error=" in response.partition(b"\r\n\r\n")[0]) == (b"error" in challenge)


def test_two_authorization_headers_are_refused(client: httpx2.Client, shared_user: Account) -> None:
    """The service cannot know which of the two headers is meant."""
    other = log_in(client, shared_user.email, PASSWORD)
    headers = [("Authorization", f"Bearer {token}") for token in (shared_user.token, other)]
    problem(client.get("/api/users/me", headers=headers), 401, "invalid-token")

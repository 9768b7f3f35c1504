"""Invalid sign-ins with an identity provider. The service refuses them."""

import base64
import hmac
import json
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jwt
import psycopg
import pytest

from tests.conftest import StartService
from tests.integration.browsers import Browser
from tests.integration.hostile_provider import CLIENT_ID, CLIENT_SECRET, KEYS, HostileProvider, Key
from tests.integration.wire import at_once, log_with, problem
from tests.service import Service


@pytest.fixture(autouse=True)
def _signs_correctly(provider: HostileProvider) -> None:
    provider.sign = None


@pytest.fixture(scope="module")
def service(start_service: StartService, provider: HostileProvider) -> Service:
    """A service with the log level debug, whose users can sign in with `provider`."""
    return start_service(**provider.settings, LOG_LEVEL="debug")


@pytest.fixture
def no_new_identity(database: psycopg.Connection) -> Iterator[None]:
    """Assert after the test that it has created no identity."""
    query = "SELECT count(*) FROM identities"
    before = database.execute(query).fetchone()
    yield
    assert database.execute(query).fetchone() == before


@pytest.mark.usefixtures("no_new_identity")
def test_a_callback_with_another_state_is_refused(
    service: Service, browser: Browser, provider: HostileProvider
) -> None:
    """A callback with an attacker's state could sign a victim in to the attacker's account."""
    back, request_count = provider.authorize(browser.begin()), provider.count("/token")
    other = Browser(service.client)
    foreign = provider.authorize(other.begin())
    for parameters in (
        {"code": back["code"], "iss": back["iss"]},
        {**back, "state": ""},
        {**back, "state": secrets.token_urlsafe(32)},
        {**back, "state": foreign["state"]},
        {**back, "state": "\x00\ud7ff"},
    ):
        problem(browser.finish(parameters), 403, "oidc-refused")  # check 22
    problem(Browser(service.client).finish(back), 403, "oidc-refused")  # check 22
    problem(other.finish(back), 403, "oidc-refused")  # check 22
    assert provider.count("/token") == request_count


def test_a_callback_succeeds_only_once(
    service: Service, browser: Browser, provider: HostileProvider
) -> None:
    """A replay is refused, and of ten concurrent callbacks one succeeds."""
    back = provider.authorize(browser.begin())
    cookies = browser.cookies
    browsers = [Browser(service.client) for _ in range(10)]
    for copy in browsers:
        copy.cookies = cookies
    ends = at_once(partial(copy.finish, back) for copy in browsers)
    assert sorted(end.status_code for end in ends) == [303] + [403] * 9  # check 22
    browser.cookies = cookies
    problem(browser.finish(back), 403, "oidc-refused")  # check 22


@pytest.mark.usefixtures("no_new_identity")
def test_a_code_is_valid_only_in_its_own_flow(
    service: Service, browser: Browser, provider: HostileProvider
) -> None:
    """A thief of a code does not have the PKCE verifier. Missing and long codes are refused too."""
    stolen = provider.authorize(Browser(service.client).begin())
    back = provider.authorize(browser.begin())
    problem(browser.finish({**back, "code": stolen["code"]}), 403, "oidc-refused")  # check 22
    back = provider.authorize(browser.begin())
    problem(browser.finish({"state": back["state"], "iss": back["iss"]}), 403, "oidc-refused")
    back = provider.authorize(browser.begin())
    problem(browser.finish({**back, "code": "x" * 5000}), 403, "oidc-refused")


@pytest.mark.usefixtures("no_new_identity")
@pytest.mark.parametrize("issuer", [None, "", "https://accounts.google.com", "{url}/"])
def test_a_callback_with_another_issuer_is_refused(
    browser: Browser, provider: HostileProvider, issuer: str | None
) -> None:
    """RFC 9207: a code of one provider must not be sent to another provider."""
    back = provider.authorize(browser.begin())
    del back["iss"]
    if issuer is not None:
        back["iss"] = issuer.format(url=provider.url)
    request_count = provider.count("/token")
    problem(browser.finish(back), 403, "oidc-refused")  # check 22
    assert provider.count("/token") == request_count


# These times are constants, because the ids of the tests contain them.
_PAST, _FUTURE = 1_000_000_000, 4_000_000_000


@pytest.mark.usefixtures("no_new_identity")
@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": None},
        {"nonce": "foreign"},
        {"nonce": "ä"},
        {"nonce": 7},
        {"iss": None},
        {"iss": "https://accounts.google.com"},
        {"iss": "http://127.0.0.1"},
        {"aud": None},
        {"aud": "another"},
        {"aud": []},
        {"aud": ["another"]},
        {"aud": [CLIENT_ID, "another"]},
        {"aud": [CLIENT_ID, "another"], "azp": "another"},
        {"azp": "another"},
        {"exp": None},
        {"exp": _PAST},
        {"exp": "later"},
        {"iat": None},
        {"iat": _FUTURE},
        {"nbf": _FUTURE},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"sub": "a\nb"},
    ],
    ids=str,
)
def test_an_id_token_with_invalid_claims_is_refused(
    browser: Browser, provider: HostileProvider, claims: dict[str, Any]
) -> None:
    """The token has a valid signature and invalid claims."""
    problem(browser.sign_in(provider, **claims), 403, "oidc-refused")  # check 22
    assert "__Host-session" not in browser.cookies


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _forged(
    provider: HostileProvider, header: dict[str, Any], mac: Callable[[bytes], bytes]
) -> Callable[[dict[str, Any]], str]:
    def sign(claims: dict[str, Any]) -> str:
        head = _part(json.dumps({"kid": provider.key.id, **header}).encode())
        signed = f"{head}.{_part(json.dumps(claims).encode())}"
        return f"{signed}.{_part(mac(signed.encode()))}"

    return sign


def _hs256(provider: HostileProvider, secret: bytes) -> Callable[[dict[str, Any]], str]:
    header = {"alg": "HS256"}
    return _forged(provider, header, lambda signed: hmac.digest(secret, signed, "sha256"))


def _signed(key: Key, **header: Any) -> Callable[[dict[str, Any]], str]:
    return lambda claims: jwt.encode(
        claims, key.private, "ES256", headers={"kid": key.id, **header}
    )


def _by_another_key(provider: HostileProvider) -> Callable[[dict[str, Any]], str]:
    key = Key()
    return _signed(key, kid=provider.key.id, jwk=key.jwk, jku=f"{provider.url}/canary")


_FORGERIES: dict[str, Callable[[HostileProvider], Callable[[dict[str, Any]], str]]] = {
    "none": lambda provider: _forged(provider, {"alg": "none"}, lambda _: b""),
    "none in capitals": lambda provider: _forged(provider, {"alg": "NONE"}, lambda _: b""),
    "no algorithm": lambda provider: _forged(provider, {}, lambda _: bytes(64)),
    "random signature": lambda provider: _forged(provider, {"alg": "ES256"}, lambda _: bytes(64)),
    "another algorithm": lambda provider: _forged(provider, {"alg": "RS256"}, lambda _: bytes(256)),
    "client secret": lambda provider: _hs256(provider, CLIENT_SECRET.encode()),
    "public key": lambda provider: _hs256(provider, json.dumps(provider.key.jwk).encode()),
    "another key under its name": _by_another_key,
    "a key of its own": lambda _: _signed(Key()),
    "critical extension": lambda provider: _signed(provider.key, crit=["x"], x=1),
    "not a token": lambda _: lambda _: "not.a.token",
    "empty": lambda _: lambda _: "",
    "long": lambda _: lambda _: "x" * 20_000,
}


@pytest.mark.usefixtures("no_new_identity")
@pytest.mark.parametrize("forgery", _FORGERIES)
def test_an_id_token_without_a_signature_of_the_provider_is_refused(
    browser: Browser, provider: HostileProvider, forgery: str
) -> None:
    """The token itself cannot choose the algorithm or the key."""
    provider.sign = _FORGERIES[forgery](provider)
    problem(browser.sign_in(provider), 403, "oidc-refused")  # check 22
    assert provider.count("/canary") == 0


def test_tokens_with_unknown_keys_do_not_cause_a_fetch_each(
    browser: Browser, provider: HostileProvider
) -> None:
    """The service fetches the provider's keys at most once a minute."""
    for _ in range(5):
        provider.sign = _signed(Key())
        problem(browser.sign_in(provider), 403, "oidc-refused")
    assert provider.count(KEYS) <= 2  # check F22


def test_no_secret_of_a_sign_in_is_in_the_log_or_in_a_body(
    service: Service, provider: HostileProvider
) -> None:
    """Neither a successful nor a failed sign-in shows a secret, even with the log level debug."""
    tokens: list[str] = []

    def sign(claims: dict[str, Any]) -> str:
        tokens.append(provider.id_token(claims))
        return tokens[-1]

    provider.sign = sign
    secrets_sent, responses = {CLIENT_SECRET, "canary-access-token"}, []
    for claims in ({}, {"nonce": "canary-nonce"}, {"email_verified": False}, {"name": "canary"}):
        browser = Browser(service.client)
        back = provider.authorize(browser.begin(), **claims)
        secrets_sent |= {back["code"], back["state"], browser.cookies["__Host-oidc"].value}
        responses += [browser.finish(back), browser.finish(back)]
        secrets_sent |= {cookie.value for cookie in browser.cookies.values()}
    secrets_sent |= {*tokens, *(part for token in tokens for part in token.split(".")[1:])}
    last = responses[-1].headers["X-Request-ID"]
    output = log_with(service, last) + "".join(it.text for it in responses)
    for secret in secrets_sent:
        assert secret not in output  # check 38
    assert "canary" not in output  # check 38

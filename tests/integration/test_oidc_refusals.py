"""Sign-ins at an identity provider that must come to nothing."""

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
from tests.integration.hostile_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    KEYS,
    HostileProvider,
    Key,
    hostile_provider,
)
from tests.integration.wire import at_once, log_with, problem
from tests.service import Service


@pytest.fixture(scope="module")
def only_provider() -> Iterator[HostileProvider]:
    """The provider of this file."""
    with hostile_provider() as provider:
        yield provider


@pytest.fixture
def provider(only_provider: HostileProvider) -> HostileProvider:
    """The provider, keeping to the rules until the test says otherwise."""
    only_provider.sign = None
    return only_provider


@pytest.fixture(scope="module")
def service(start_service: StartService, only_provider: HostileProvider) -> Service:
    """A service whose users may sign in there, and that logs all it can."""
    return start_service(
        **only_provider.settings,
        LOG_LEVEL="debug",
    )


@pytest.fixture
def browser(service: Service) -> Browser:
    """A browser that has not been here before."""
    return Browser(service.client)


@pytest.fixture
def nobody_new(database: psycopg.Connection) -> Iterator[None]:
    """Nobody has an identity after the test who had none before."""
    query = "SELECT count(*) FROM identities"
    before = database.execute(query).fetchone()
    yield
    assert database.execute(query).fetchone() == before


@pytest.mark.usefixtures("nobody_new")
def test_the_state_must_be_the_one_of_this_browser(
    service: Service, browser: Browser, provider: HostileProvider
) -> None:
    """Missing, foreign, or another browser's: an attacker's sign-in is nobody else's."""
    back, asked = provider.authorize(browser.begin()), provider.count("/token")
    other = Browser(service.client)
    foreign = provider.authorize(other.begin())
    for brought in (
        {"code": back["code"], "iss": back["iss"]},
        {**back, "state": ""},
        {**back, "state": secrets.token_urlsafe(32)},
        {**back, "state": foreign["state"]},
        {**back, "state": "\x00\ud7ff"},
    ):
        problem(browser.finish(brought), 403, "oidc-refused")  # check 22
    problem(Browser(service.client).finish(back), 403, "oidc-refused")  # check 22
    problem(other.finish(back), 403, "oidc-refused")  # check 22
    assert provider.count("/token") == asked


def test_an_answer_counts_once(
    service: Service, browser: Browser, provider: HostileProvider
) -> None:
    """A replayed callback is refused, and of many at once one is heard."""
    back = provider.authorize(browser.begin())
    cookies = browser.cookies
    browsers = [Browser(service.client) for _ in range(10)]
    for each in browsers:
        each.cookies = cookies
    ends = at_once(partial(each.finish, back) for each in browsers)
    assert sorted(end.status_code for end in ends) == [303] + [403] * 9  # check 22
    browser.cookies = cookies
    problem(browser.finish(back), 403, "oidc-refused")  # check 22


@pytest.mark.usefixtures("nobody_new")
def test_a_code_is_good_for_the_flow_that_it_was_made_for(
    service: Service, browser: Browser, provider: HostileProvider
) -> None:
    """PKCE: who has stolen a code has not the verifier; nor has one without a code."""
    stolen = provider.authorize(Browser(service.client).begin())
    back = provider.authorize(browser.begin())
    problem(browser.finish({**back, "code": stolen["code"]}), 403, "oidc-refused")  # check 22
    back = provider.authorize(browser.begin())
    problem(browser.finish({"state": back["state"], "iss": back["iss"]}), 403, "oidc-refused")
    back = provider.authorize(browser.begin())
    problem(browser.finish({**back, "code": "x" * 5000}), 403, "oidc-refused")


@pytest.mark.usefixtures("nobody_new")
@pytest.mark.parametrize("issuer", [None, "", "https://accounts.google.com", "{url}/"])
def test_the_issuer_that_comes_with_the_code_must_be_ours(
    browser: Browser, provider: HostileProvider, issuer: str | None
) -> None:
    """RFC 9207: the answer of one provider is not handed to another."""
    back = provider.authorize(browser.begin())
    del back["iss"]
    if issuer is not None:
        back["iss"] = issuer.format(url=provider.url)
    asked = provider.count("/token")
    problem(browser.finish(back), 403, "oidc-refused")  # check 22
    assert provider.count("/token") == asked


# The same each time: they are part of the names of the tests.
_LONG_AGO, _ONE_DAY = 1_000_000_000, 4_000_000_000


@pytest.mark.usefixtures("nobody_new")
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
        {"exp": _LONG_AGO},
        {"exp": "later"},
        {"iat": None},
        {"iat": _ONE_DAY},
        {"nbf": _ONE_DAY},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"sub": "a\nb"},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_us_or_not_for_now_is_refused(
    browser: Browser, provider: HostileProvider, claims: dict[str, Any]
) -> None:
    """Signed well, and wrong all the same."""
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
    "not even that": lambda _: lambda _: "",
    "long": lambda _: lambda _: "x" * 20_000,
}


@pytest.mark.usefixtures("nobody_new")
@pytest.mark.parametrize("forgery", _FORGERIES)
def test_a_token_that_the_provider_has_not_signed_is_refused(
    browser: Browser, provider: HostileProvider, forgery: str
) -> None:
    """Nothing in the token says how it is checked, or by which key."""
    provider.sign = _FORGERIES[forgery](provider)
    problem(browser.sign_in(provider), 403, "oidc-refused")  # check 22
    assert provider.count("/canary") == 0


def test_unknown_keys_do_not_make_the_service_fetch_each_time(
    browser: Browser, provider: HostileProvider
) -> None:
    """Once a minute at most, whatever the tokens name."""
    for _ in range(5):
        provider.sign = _signed(Key())
        problem(browser.sign_in(provider), 403, "oidc-refused")
    assert provider.count(KEYS) <= 2  # check F22


def test_no_secret_of_a_sign_in_is_in_the_log_or_in_a_body(
    service: Service, provider: HostileProvider
) -> None:
    """Neither of one that succeeds nor of one that fails, at the most talkative level."""
    tokens: list[str] = []

    def sign(claims: dict[str, Any]) -> str:
        tokens.append(provider.id_token(claims))
        return tokens[-1]

    provider.sign = sign
    secret, bodies = {CLIENT_SECRET, "canary-access-token"}, []
    for claims in ({}, {"nonce": "canary-nonce"}, {"email_verified": False}, {"name": "canary"}):
        browser = Browser(service.client)
        back = provider.authorize(browser.begin(), **claims)
        secret |= {back["code"], back["state"], browser.cookies["__Host-oidc"].value}
        bodies += [browser.finish(back), browser.finish(back)]
        secret |= {cookie.value for cookie in browser.cookies.values()}
    secret |= {*tokens, *(part for token in tokens for part in token.split(".")[1:])}
    last = bodies[-1].headers["X-Request-ID"]
    said = log_with(service, last) + "".join(body.text for body in bodies)
    for each in secret:
        assert each not in said  # check 38
    assert "canary" not in said  # check 38

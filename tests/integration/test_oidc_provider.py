"""What the service fetches from an identity provider, and what it does while that is down."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import count
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from app.adapters.oidc.fetching import Fetcher, FetchResponse
from app.adapters.oidc.provider import AuthorizationRequest, IdentityProvider
from app.errors import ProviderUnavailable
from app.settings import Provider
from tests.conftest import StartService
from tests.integration.browsers import OIDC, Browser
from tests.integration.faults import timed, unavailable
from tests.integration.hostile_provider import (
    CLIENT_ID,
    DISCOVERY,
    KEYS,
    TOKEN,
    HostileProvider,
    Key,
    Response,
    as_json,
    hostile_provider,
)
from tests.integration.wire import at_once, statuses
from tests.service import Service

_T = TypeVar("_T")
_CAP = 1.0
_REQUEST = AuthorizationRequest("http://localhost/callback", "nonce", "verifier")


@pytest.fixture
def provider() -> Iterator[HostileProvider]:
    """A provider of the test's own."""
    with hostile_provider() as provider:
        yield provider


def _started(start_service: StartService, provider: HostileProvider) -> Service:
    return start_service(
        **provider.settings,
        OIDC_TIMEOUT=str(_CAP),
    )


def _fetch(url: str, *, local: bool = True, hosts: str = "127.0.0.1 localhost") -> FetchResponse:
    async def fetch() -> FetchResponse:
        fetcher = Fetcher(hosts.split(), local=local, seconds=_CAP)
        try:
            return await fetcher.get(url)
        finally:
            await fetcher.close()

    return asyncio.run(fetch())


def _asked(
    provider: HostileProvider,
    ask: Callable[[IdentityProvider], Awaitable[_T]],
    clock: Callable[[], float] = time.monotonic,
) -> _T:
    known = Provider("test", provider.url, CLIENT_ID, SecretStr("x"), frozenset(("127.0.0.1",)))

    async def run() -> _T:
        client = IdentityProvider(known, local=True, seconds=_CAP, clock=clock)
        try:
            return await ask(client)
        finally:
            await client.close()

    return asyncio.run(run())


def _redirect(status: int) -> Callable[[], Response]:
    return lambda: (status, {"Location": "/canary"}, b"{}")


def _slow_to_answer() -> Response:
    time.sleep(_CAP * 2)
    return as_json({})


_MISBEHAVIOUR: dict[str, Callable[[], Response]] = {
    "301": _redirect(301),
    "302": _redirect(302),
    "303": _redirect(303),
    "307": _redirect(307),
    "308": _redirect(308),
    "huge": lambda: (200, {}, b'{"x": "' + b"x" * 300_000 + b'"}'),
    "huge, by its own account": lambda: (200, {"Content-Length": str(10**12)}, b"x" * 300_000),
    "slow": _slow_to_answer,
    "shorter than it says": lambda: (200, {"Content-Length": "1000"}, b"{}"),
    "500": lambda: as_json({}, 500),
}


@pytest.mark.parametrize("misbehaviour", _MISBEHAVIOUR)
def test_what_is_redirected_huge_or_slow_is_not_fetched(
    provider: HostileProvider, misbehaviour: str
) -> None:
    """Each has its end, soon; no redirect is followed."""
    provider.respond[DISCOVERY] = _MISBEHAVIOUR[misbehaviour]
    started = time.perf_counter()
    with pytest.raises(ProviderUnavailable):
        _fetch(provider.url + DISCOVERY)  # check 35
    assert time.perf_counter() - started < _CAP + 0.5  # check 35
    assert provider.count(DISCOVERY) == 1
    assert provider.count("/canary") == 0  # check 35


@pytest.mark.parametrize(
    "url",
    [
        "http://{address}/x",
        "https://other.example/x",
        "https://127.0.0.1.other.example/x",
        "https://user@{address}/x",
        "http://user:password@{address}/x",
        "ftp://{address}/x",
        "file:///etc/passwd",
        "gopher://{address}/x",
        "//{address}/x",
        "{address}/x",
        "https://[::1/x",
        "https://127.0.0.1:99999/x",
        "https://ⓛocalhost/x",
        "",
    ],
)
def test_only_https_to_the_listed_hosts_is_fetched(provider: HostileProvider, url: str) -> None:
    """A URL of another kind makes no connection; outside a developer's machine, http is one."""
    with pytest.raises(ProviderUnavailable):
        _fetch(url.format(address=urlsplit(provider.url).netloc), local=False)  # check 35
    assert provider.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_private_address_is_connected_to_whatever_name_leads_there(
    provider: HostileProvider, host: str
) -> None:
    """The address counts that the connection would go to, when a name has been looked up."""
    with pytest.raises(ProviderUnavailable) as refusal:
        _fetch(f"https://{host}:{urlsplit(provider.url).port}/x", local=False)  # check 35
    assert "no address of this host is allowed" in str(refusal.value.__cause__)


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://accounts.google.com"},
        {"issuer": None},
        {"jwks_uri": "http://169.254.169.254/latest/meta-data"},
        {"jwks_uri": "https://other.example/keys"},
        {"token_endpoint": "http://localhost:1/token"},
        {"token_endpoint": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
    ],
    ids=str,
)
def test_metadata_that_leads_elsewhere_is_not_believed(
    provider: HostileProvider, changes: dict[str, Any]
) -> None:
    """Neither the service nor a browser goes where it points."""
    provider.metadata = changes
    with pytest.raises(ProviderUnavailable):
        _asked(provider, lambda client: client.authorization_url(_REQUEST, state="x"))  # check 35


def test_a_browser_is_not_told_what_a_provider_answers(
    provider: HostileProvider, start_service: StartService
) -> None:
    """A provider that breaks is a 503 of ours, at the login and at the callback."""
    service = _started(start_service, provider)
    browser = Browser(service.client)
    back = provider.authorize(browser.begin())
    provider.respond[TOKEN] = lambda: (200, {}, b"canary")
    response = browser.finish(back)
    unavailable(response, "provider-unavailable")
    assert "canary" not in response.text
    assert "canary" not in service.log.read_text()  # check 38


def test_known_keys_verify_while_no_keys_can_be_had(
    provider: HostileProvider, start_service: StartService
) -> None:
    """One sign-in is enough for all that follow."""
    service = _started(start_service, provider)
    assert Browser(service.client).sign_in(provider).status_code == 303
    provider.respond[KEYS] = provider.respond[DISCOVERY] = lambda: as_json({}, 500)
    for _ in range(5):
        assert Browser(service.client).sign_in(provider).status_code == 303  # check F22
    assert provider.count(KEYS) == 1  # check F22


def test_a_new_key_is_fetched_when_a_token_names_it(provider: HostileProvider) -> None:
    """Rotation needs no restart."""

    async def rotate(client: IdentityProvider) -> None:
        for _ in range(2):
            url = await client.authorization_url(_REQUEST, state="x")
            back = provider.authorize(url)
            await client.redeem(back["code"], _REQUEST, issuer=provider.url)
            provider.key = Key()

    # Two minutes go by at each look at the clock: the pause between two fetches is over.
    _asked(provider, rotate, clock=count(step=120).__next__)
    assert provider.count(KEYS) == 2


@pytest.mark.slow
def test_fifty_logins_at_a_dead_provider_are_one_question(
    provider: HostileProvider, start_service: StartService
) -> None:
    """All of them hear of it in time, and those that follow at once."""
    service = _started(start_service, provider)
    hang = threading.Event()
    provider.respond[DISCOVERY] = lambda: (hang.wait(10), as_json({}))[1]
    login = partial(service.client.get, f"{OIDC}/login")
    answers = at_once([partial(timed, login)] * 50)
    assert statuses(response for response, _ in answers) == {503: 50}  # check F22
    assert max(seconds for _, seconds in answers) < _CAP + 3  # check F22
    assert provider.count(DISCOVERY) == 1  # check F22
    response, seconds = timed(login)
    unavailable(response, "provider-unavailable")
    assert seconds < 0.5
    assert provider.count(DISCOVERY) == 1
    hang.set()


@pytest.mark.slow
def test_fifty_callbacks_at_a_dead_provider_are_few_connections(
    provider: HostileProvider, start_service: StartService
) -> None:
    """Their codes cannot be traded; the rest of the service goes on."""
    service = _started(start_service, provider)
    browsers = [Browser(service.client) for _ in range(50)]
    brought = [provider.authorize(browser.begin()) for browser in browsers]
    hang = threading.Event()
    provider.respond[TOKEN] = lambda: (hang.wait(10), as_json({}))[1]
    pairs = zip(browsers, brought, strict=True)
    calls = [partial(browser.finish, back) for browser, back in pairs]
    answers = at_once(partial(timed, call) for call in calls)
    for response, seconds in answers:
        unavailable(response, "provider-unavailable")
        assert seconds < _CAP + 3  # check F22
    # Ten at a time; and fewer than five more, before five failures have been counted.
    asked = provider.count(TOKEN)
    assert asked < 15  # check F22
    late = Browser(service.client)
    _, seconds = timed(lambda: late.sign_in(provider))
    assert seconds < 0.5
    assert provider.count(TOKEN) == asked
    hang.set()


def test_a_provider_that_is_gone_is_a_503(start_service: StartService) -> None:
    """Nobody listens there any more."""
    with hostile_provider() as provider:
        service = _started(start_service, provider)
    unavailable(service.client.get(f"{OIDC}/login"), "provider-unavailable")
    assert service.client.get("/readyz").status_code == 200

"""The requests of the service to an identity provider, also while the provider fails."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_network
from itertools import count
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from app.adapters.oidc.fetching import Fetcher, FetchResponse
from app.adapters.oidc.provider import IdentityProvider
from app.errors import ProviderUnavailable
from app.models import OidcFlow
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
_TIMEOUT_SECONDS = 1.0
# For the tests that do not wait for a timeout. On a busy machine, even a refusal can take a second.
_PATIENT_SECONDS = 20.0
_FLOW = OidcFlow(
    state_hash=b"",
    browser_hash=b"",
    provider="test",
    redirect_uri="http://localhost/callback",
    nonce="nonce",
    code_verifier="verifier",
    return_to="/",
    user_id=None,
    session_id=None,
    expires_at=datetime.max.replace(tzinfo=UTC),
)


@pytest.fixture
def provider() -> Iterator[HostileProvider]:
    """A provider for one test."""
    with hostile_provider() as provider:
        yield provider


def _started(start_service: StartService, provider: HostileProvider) -> Service:
    return start_service(**provider.settings, OIDC_TIMEOUT=str(_TIMEOUT_SECONDS))


def _provider(issuer: str, hosts: str, networks: str = "") -> Provider:
    allowed = tuple(ip_network(network) for network in networks.split())
    return Provider(
        "test", issuer, CLIENT_ID, SecretStr("x"), frozenset(hosts.split()), networks=allowed
    )


def _fetch(
    url: str,
    *,
    local: bool = True,
    hosts: str = "127.0.0.1 localhost",
    seconds: float = _PATIENT_SECONDS,
    networks: str = "",
) -> FetchResponse:
    async def fetch() -> FetchResponse:
        provider = _provider("https://id.example.com", hosts, networks)
        fetcher = Fetcher(provider, local=local, seconds=seconds)
        try:
            return await fetcher.get(url)
        finally:
            await fetcher.close()

    return asyncio.run(fetch())


def _with_provider_client(
    provider: HostileProvider,
    call: Callable[[IdentityProvider], Awaitable[_T]],
    clock: Callable[[], float] = time.monotonic,
) -> _T:
    settings = _provider(provider.url, "127.0.0.1")

    async def run() -> _T:
        client = IdentityProvider(settings, local=True, seconds=_TIMEOUT_SECONDS, clock=clock)
        try:
            return await call(client)
        finally:
            await client.close()

    return asyncio.run(run())


def _redirect(status: int) -> Callable[[], Response]:
    return lambda: (status, {"Location": "/canary"}, b"{}")


def _slow_response() -> Response:
    time.sleep(_TIMEOUT_SECONDS * 2)
    return as_json({})


_FAULTS: dict[str, Callable[[], Response]] = {
    "301": _redirect(301),
    "302": _redirect(302),
    "303": _redirect(303),
    "307": _redirect(307),
    "308": _redirect(308),
    "huge": lambda: (200, {}, b'{"x": "' + b"x" * 300_000 + b'"}'),
    "huge Content-Length": lambda: (200, {"Content-Length": str(10**12)}, b"x" * 300_000),
    "slow": _slow_response,
    "shorter than its Content-Length": lambda: (200, {"Content-Length": "1000"}, b"{}"),
    "500": lambda: as_json({}, 500),
}


@pytest.mark.parametrize("fault", _FAULTS)
def test_redirects_and_huge_or_slow_responses_are_refused(
    provider: HostileProvider, fault: str
) -> None:
    """Each fetch fails. A slow one fails at the timeout, and no redirect is followed."""
    provider.respond[DISCOVERY] = _FAULTS[fault]
    seconds = _TIMEOUT_SECONDS if fault == "slow" else _PATIENT_SECONDS
    started = time.perf_counter()
    with pytest.raises(ProviderUnavailable):
        _fetch(provider.url + DISCOVERY, seconds=seconds)  # check 35
    assert time.perf_counter() - started < seconds + 0.5  # check 35
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
def test_only_https_urls_of_the_listed_hosts_are_fetched(
    provider: HostileProvider, url: str
) -> None:
    """For any other URL, no connection is opened. HTTP is allowed only with `local=True`."""
    with pytest.raises(ProviderUnavailable):
        _fetch(url.format(address=urlsplit(provider.url).netloc), local=False)  # check 35
    assert provider.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_connection_is_made_to_a_private_address(provider: HostileProvider, host: str) -> None:
    """The check uses the address to which the host name resolves."""
    with pytest.raises(ProviderUnavailable) as refusal:
        _fetch(f"https://{host}:{urlsplit(provider.url).port}/x", local=False)  # check 35
    assert "no address of this host is allowed" in str(refusal.value.__cause__)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_provider_in_a_listed_network_is_reached(provider: HostileProvider, host: str) -> None:
    """The connection is opened. This provider has no certificate, so TLS then fails."""
    url = f"https://{host}:{urlsplit(provider.url).port}/x"
    with pytest.raises(ProviderUnavailable) as refusal:
        _fetch(url, local=False, networks="10.0.0.0/8 127.0.0.0/8 ::1/128")
    assert "SSL" in str(refusal.value.__cause__)


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1"])
def test_no_network_allows_a_link_local_address(address: str) -> None:
    """At a link-local address, a cloud serves the credentials of a virtual machine."""
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(ProviderUnavailable) as refusal:
        _fetch(f"https://{host}/x", local=False, hosts=address, networks="0.0.0.0/0 ::/0")
    assert "no address of this host is allowed" in str(refusal.value.__cause__)  # check 35


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
def test_metadata_with_urls_of_other_hosts_is_refused(
    provider: HostileProvider, changes: dict[str, Any]
) -> None:
    """The service uses none of these URLs, and redirects no browser to them."""
    provider.metadata = changes
    with pytest.raises(ProviderUnavailable):
        _with_provider_client(
            provider, lambda client: client.authorization_url(_FLOW, state="x")
        )  # check 35


def test_an_invalid_response_of_the_provider_is_not_shown(
    provider: HostileProvider, start_service: StartService
) -> None:
    """A browser gets a 503 without the provider's text."""
    service = _started(start_service, provider)
    browser = Browser(service.client)
    parameters = provider.authorize(browser.begin())
    provider.respond[TOKEN] = lambda: (200, {}, b"canary")
    response = browser.finish(parameters)
    unavailable(response, "provider-unavailable")
    assert "canary" not in response.text
    assert "canary" not in service.log.read_text()  # check 38


def test_cached_keys_verify_while_the_provider_is_unavailable(
    provider: HostileProvider, start_service: StartService
) -> None:
    """One successful sign-in is enough to cache the keys."""
    service = _started(start_service, provider)
    assert Browser(service.client).sign_in(provider).status_code == 303
    provider.respond[KEYS] = provider.respond[DISCOVERY] = lambda: as_json({}, 500)
    for _ in range(5):
        assert Browser(service.client).sign_in(provider).status_code == 303  # check F22
    assert provider.count(KEYS) == 1  # check F22


def test_the_keys_are_fetched_again_when_a_token_names_a_new_one(provider: HostileProvider) -> None:
    """If the provider rotates its keys, the service fetches them again and needs no restart."""

    async def rotate(client: IdentityProvider) -> None:
        for _ in range(2):
            url = await client.authorization_url(_FLOW, state="x")
            parameters = provider.authorize(url)
            await client.redeem(parameters["code"], _FLOW, issuer=provider.url)
            provider.key = Key()

    # Each reading of the clock adds two minutes, so the minimum time between two fetches is over.
    _with_provider_client(provider, rotate, clock=count(step=120).__next__)
    assert provider.count(KEYS) == 2


@pytest.mark.slow
def test_fifty_concurrent_logins_make_one_request_to_a_silent_provider(
    provider: HostileProvider, start_service: StartService
) -> None:
    """All fifty logins fail less than 3 s after the timeout. A later login fails at once."""
    service = _started(start_service, provider)
    hang = threading.Event()
    provider.respond[DISCOVERY] = lambda: (hang.wait(10), as_json({}))[1]
    login = partial(service.client.get, f"{OIDC}/login")
    responses = at_once([partial(timed, login)] * 50)
    assert statuses(response for response, _ in responses) == {503: 50}  # check F22
    assert max(seconds for _, seconds in responses) < _TIMEOUT_SECONDS + 3  # check F22
    assert provider.count(DISCOVERY) == 1  # check F22
    response, seconds = timed(login)
    unavailable(response, "provider-unavailable")
    assert seconds < 0.5
    assert provider.count(DISCOVERY) == 1
    hang.set()


@pytest.mark.slow
def test_fifty_callbacks_make_few_requests_to_a_silent_provider(
    provider: HostileProvider, start_service: StartService
) -> None:
    """The service cannot redeem the codes of the callbacks. A later sign-in fails at once."""
    service = _started(start_service, provider)
    browsers = [Browser(service.client) for _ in range(50)]
    callbacks = [provider.authorize(browser.begin()) for browser in browsers]
    hang = threading.Event()
    provider.respond[TOKEN] = lambda: (hang.wait(10), as_json({}))[1]
    pairs = zip(browsers, callbacks, strict=True)
    calls = [partial(browser.finish, parameters) for browser, parameters in pairs]
    responses = at_once(partial(timed, call) for call in calls)
    for response, seconds in responses:
        unavailable(response, "provider-unavailable")
        assert seconds < _TIMEOUT_SECONDS + 3  # check F22
    # Ten requests run at the same time, and none starts after the fifth failure. Each earlier
    # failure can start one more request, so fewer than five more start.
    request_count = provider.count(TOKEN)
    assert request_count < 15  # check F22
    late = Browser(service.client)
    _, seconds = timed(lambda: late.sign_in(provider))
    assert seconds < 0.5
    assert provider.count(TOKEN) == request_count
    hang.set()


def test_a_provider_that_refuses_connections_means_503(start_service: StartService) -> None:
    """Only sign-ins with the provider fail: the service itself stays ready."""
    with hostile_provider() as provider:
        service = _started(start_service, provider)
    unavailable(service.client.get(f"{OIDC}/login"), "provider-unavailable")
    assert service.client.get("/readyz").status_code == 200

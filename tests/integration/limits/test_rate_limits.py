"""Rate limits: which requests count together, and what the client learns.

All requests come from 127.0.0.1, which the service trusts as a proxy. So each test uses its own
addresses in X-Forwarded-For.
"""

import itertools
import re
import time
from collections.abc import Iterator
from functools import partial

import httpx2
import pytest

from tests.accounts import Account, log_in
from tests.conftest import StartService
from tests.integration.wire import JSON, SECURITY_HEADERS, at_once, log_lines, problem, statuses
from tests.service import Service

PREFIX = "limits"
DEFAULT_LIMIT = 20
_POLICY = re.compile(r'"([a-z0-9-]+)";q=(\d+);w=(\d+)')
_STATE = re.compile(r'"([a-z0-9-]+)";r=(\d+);t=(\d+)')
_addresses: Iterator[str] = (f"203.0.113.{number}" for number in itertools.count(1))


@pytest.fixture(scope="module")
def services(start_service: StartService, database_url: str) -> tuple[Service, Service]:
    """Two processes that share one Redis. An empty setting means the default of the setting."""
    settings = {
        "REDIS_KEY_PREFIX": f"{PREFIX}-{database_url[-12:]}",
        # On a busy machine, Redis may need longer than in production.
        "REDIS_TIMEOUT": "2",
        "RATE_LIMIT_SIGNUP": "",
        "RATE_LIMIT_LOGIN": "3/2 seconds;100/minute",
        "RATE_LIMIT_PASSWORD": "",
        "RATE_LIMIT_MAIL": "",
        "RATE_LIMIT_DEFAULT": f"{DEFAULT_LIMIT}/minute",
    }
    return start_service(**settings), start_service(**settings)


@pytest.fixture(scope="module")
def limited(services: tuple[Service, Service]) -> httpx2.Client:
    """An HTTP client of the first process."""
    return services[0].client


@pytest.fixture
def address() -> str:
    """An address that no request has used yet."""
    return next(_addresses)


def _from(address: str, **headers: str) -> dict[str, str]:
    return {**JSON, "X-Forwarded-For": address, **headers}


def _post(client: httpx2.Client, path: str, address: str) -> httpx2.Response:
    return client.post(path, content=b"{", headers=_from(address))


def _change(client: httpx2.Client, account: Account, field: str) -> httpx2.Response:
    """Send a malformed change of the email or the password, from a new address."""
    headers = _from(next(_addresses), **account.auth)
    return client.put(f"{account.url}/{field}", content=b"{", headers=headers)


def test_signup_allows_10_requests_a_minute_by_default(
    limited: httpx2.Client, address: str
) -> None:
    """The eleventh request is refused before its malformed body is read.

    The 429 has RateLimit and Retry-After.
    """
    for remaining in range(9, -1, -1):
        response = _post(limited, "/api/users", address)  # check 7
        problem(response, 400, "malformed-json")
        assert response.headers["RateLimit-Policy"] == '"signup";q=10;w=60'
        state = _STATE.fullmatch(response.headers["RateLimit"])
        assert state
        assert (state[1], int(state[2])) == ("signup", remaining)
        assert 1 <= int(state[3]) <= 60
    refused = _post(limited, "/api/users", address)
    problem(refused, 429, "too-many-requests")  # check 7
    assert refused.headers["RateLimit"].startswith('"signup";r=0;t=')
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    for name, value in SECURITY_HEADERS.items():
        assert refused.headers[name] == value  # check 36
    assert refused.headers["Cache-Control"] == "no-store"


def test_a_request_after_retry_after_succeeds(limited: httpx2.Client, address: str) -> None:
    """Retry-After is long enough. In the headers, the limits of a policy have different names."""
    for _ in range(2):
        found = [_post(limited, "/api/auth/login", address) for _ in range(4)]
        assert statuses(found) == {400: 3, 429: 1}
        time.sleep(int(found[-1].headers["Retry-After"]))
    policies = _POLICY.findall(found[0].headers["RateLimit-Policy"])
    assert policies == [("login", "3", "2"), ("login-2", "100", "60")]
    state = _STATE.findall(found[0].headers["RateLimit"])
    assert [name for name, _, _ in state] == ["login", "login-2"]


def test_each_policy_has_its_own_count(limited: httpx2.Client, address: str) -> None:
    """After too many signups, an address can still log in and read."""
    for _ in range(11):
        used_up = _post(limited, "/api/users", address)
    assert used_up.status_code == 429
    assert _post(limited, "/api/auth/login", address).status_code == 400
    assert limited.get("/openapi.json", headers=_from(address)).status_code == 200


def test_a_user_has_5_password_changes_a_minute_by_default(
    limited: httpx2.Client, ahmed: Account, shared_user: Account
) -> None:
    """Password changes count for the user and not for the address."""
    found = [_change(limited, ahmed, "password") for _ in range(6)]
    assert statuses(found) == {400: 5, 429: 1}
    assert found[0].headers["RateLimit-Policy"] == '"password";q=5;w=60'
    assert _change(limited, shared_user, "password").status_code == 400


def test_a_user_can_ask_for_10_messages_in_10_minutes_by_default(
    limited: httpx2.Client, ahmed: Account, shared_user: Account
) -> None:
    """Changes of the email and requests for another link count together, for the user."""
    found = [_change(limited, ahmed, "email") for _ in range(10)]
    assert statuses(found) == {400: 10}
    assert found[0].headers["RateLimit-Policy"] == '"mail";q=10;w=600'
    again = _from(next(_addresses), **ahmed.auth)
    refused = limited.post("/api/auth/email-confirmation", headers=again)
    problem(refused, 429, "too-many-requests")
    assert _change(limited, shared_user, "email").status_code == 400


def test_all_other_requests_of_a_user_share_one_count(
    limited: httpx2.Client, ahmed: Account, shared_user: Account, address: str
) -> None:
    """Requests with different ids, queries and methods are counted together."""
    paths = itertools.cycle([ahmed.url, shared_user.url, "/api/users/me?x=1", "/api/users?limit=3"])
    headers = _from(address, **ahmed.auth)
    found = [limited.get(next(paths), headers=headers) for _ in range(DEFAULT_LIMIT - 1)]
    assert 429 not in statuses(found)
    head = limited.head(ahmed.url, headers=headers)
    assert head.headers["RateLimit"].startswith('"default";r=0;')
    for method in ("GET", "HEAD", "OPTIONS", "DELETE"):
        refused = limited.request(method, f"/api/users/{time.time_ns()}", headers=headers)
        assert refused.status_code == 429  # check 31
    other = _from(address, **shared_user.auth)
    assert limited.get(shared_user.url, headers=other).status_code == 200


def test_a_request_with_an_invalid_token_counts_for_its_address(
    limited: httpx2.Client, address: str
) -> None:
    """A client that invents a new token for each request does not avoid the limit."""
    found = []
    for number in range(DEFAULT_LIMIT + 1):
        headers = _from(address, Authorization=f"Bearer {number}")
        found.append(limited.get("/api/users/me", headers=headers))
    assert statuses(found) == {401: DEFAULT_LIMIT, 429: 1}  # check 31


def test_a_token_of_an_ended_session_counts_for_the_address(
    limited: httpx2.Client, ahmed: Account, address: str
) -> None:
    """The count of the token's user does not change, however often the token is sent."""
    later = log_in(limited, ahmed.email, ahmed.password)
    assert limited.post("/api/auth/logout", headers=ahmed.auth).status_code == 204
    ended = _from(address, **ahmed.auth)
    found = [limited.get("/api/users/me", headers=ended) for _ in range(DEFAULT_LIMIT + 1)]
    assert statuses(found) == {401: DEFAULT_LIMIT, 429: 1}  # check 42
    for _ in range(6):
        limited.put(f"{ahmed.url}/password", content=b"{", headers=_from(address, **ahmed.auth))
    live = _from(next(_addresses), Authorization=f"Bearer {later}")
    assert limited.get("/api/users/me", headers=live).status_code == 200  # check 42
    change = limited.put(f"{ahmed.url}/password", content=b"{", headers=live)
    assert change.status_code == 400  # check 42


def test_missing_paths_are_counted_too(limited: httpx2.Client, address: str) -> None:
    """The number of paths that a client can guess is limited."""
    found = [
        limited.get(f"/{number}", headers=_from(address)) for number in range(DEFAULT_LIMIT + 1)
    ]
    assert statuses(found) == {404: DEFAULT_LIMIT, 429: 1}


@pytest.mark.parametrize(
    "path",
    ["/api/users?x=1", "/api/users?", "/api/%75sers", "/%61pi/users", "/API/users", "/api/users/",
     "//api/users", "/api//users", "/api/./users", "/api/users%0A", "/api/users;x=1",
     "/api/users#x"],
)  # fmt: skip
def test_another_spelling_of_a_path_does_not_avoid_its_limit(
    limited: httpx2.Client, path: str
) -> None:
    """The other spelling counts as the same path (429), or is a path that does not exist (404)."""
    address = next(_addresses)
    assert statuses(_post(limited, "/api/users", address) for _ in range(11)) == {400: 10, 429: 1}
    spelled = httpx2.URL(str(limited.base_url).rstrip("/") + path)
    response = limited.post(spelled, content=b"{", headers=_from(address))
    assert response.status_code in {404, 429}  # check 31


def test_the_rightmost_untrusted_address_counts(limited: httpx2.Client) -> None:
    """A client can write only the addresses to the left of its own, which the proxy appends."""
    address = next(_addresses)
    forged = [f"198.51.100.{number}, {address}" for number in range(10)]
    forged[3] = f"127.0.0.1, {address}, 127.0.0.1"
    forged[4] = f"{address}, 127.0.0.1"
    found = [_post(limited, "/api/users", chain) for chain in forged]
    assert statuses(found) == {400: 10}
    assert _post(limited, "/api/users", f"198.51.100.99, {address}").status_code == 429  # check 30
    assert _post(limited, "/api/users", next(_addresses)).status_code == 400  # check 30


def test_forwarded_headers_of_an_untrusted_client_are_ignored(start_service: StartService) -> None:
    """Without a trusted proxy, all requests count for 127.0.0.1."""
    service = start_service(FORWARDED_ALLOW_IPS="192.0.2.1", RATE_LIMIT_SIGNUP="3/minute")
    found = [_post(service.client, "/api/users", next(_addresses)) for _ in range(4)]
    assert statuses(found) == {400: 3, 429: 1}  # check 30
    lines = log_lines(service, found[0].headers["X-Request-ID"])
    assert lines[0]["client"] == "127.0.0.1"  # check 30
    headers = {"X-Forwarded-Proto": "https"}
    response = service.client.get("/nothing", headers=headers)
    assert "Strict-Transport-Security" not in response.headers  # check 36


def test_an_ipv6_network_shares_one_count(limited: httpx2.Client) -> None:
    """A client with one address of a /64 network can use all addresses of this network."""
    found = [_post(limited, "/api/users", f"2001:db8:1:2::{number:x}") for number in range(11)]
    assert statuses(found) == {400: 10, 429: 1}
    assert _post(limited, "/api/users", "2001:db8:1:3::1").status_code == 400
    mapped = [_post(limited, "/api/users", f"::ffff:192.0.2.{number}") for number in range(11)]
    assert statuses(mapped) == {400: 11}


def test_only_direct_health_checks_are_unlimited(limited: httpx2.Client, address: str) -> None:
    """Orchestrators are never refused. Requests through the load balancer are limited."""
    for _ in range(DEFAULT_LIMIT + 2):
        for path in ("/livez", "/readyz", "/metrics"):
            response = limited.get(path)
            assert response.status_code == 200
            assert "RateLimit" not in response.headers
    found = [limited.get("/livez", headers=_from(address)) for _ in range(DEFAULT_LIMIT + 1)]
    assert statuses(found) == {200: DEFAULT_LIMIT, 429: 1}
    assert all("RateLimit" in response.headers for response in found)


def test_all_processes_share_one_count(services: tuple[Service, Service], address: str) -> None:
    """Of 30 concurrent requests to two processes, exactly 10 pass."""
    calls = [partial(_post, service.client, "/api/users", address) for service in services * 15]
    assert statuses(at_once(calls)) == {400: 10, 429: 20}  # check F21

"""A cached read has the same bytes as an uncached read, and the headers of its own request."""

import httpx2
import psycopg
import pytest

from lab.stack.servers.valkey import ValkeyServer
from tests.accounts import Account
from tests.conftest import StartService
from tests.integration.shop import new_product, placed, product_url
from tests.integration.signed_in import browser_of
from tests.integration.wire import SECURITY_HEADERS, access_log_line, problem, remaining_requests
from tests.service import Service

ROUTES = ["me", "user", "products", "product", "orders", "order"]
_SAME_HEADERS = ("ETag", "Cache-Control", "Content-Type", "Content-Length")


@pytest.fixture
def paths(client: httpx2.Client, admin: Account, ahmed: Account) -> dict[str, str]:
    """A path for every cached route, to a resource that no request has read yet."""
    product = new_product(client, admin)
    order = placed(client, ahmed, (product, 1))
    return {
        "me": "/api/users/me",
        "user": ahmed.url,
        "products": "/api/products?limit=2",
        "product": product_url(product),
        "orders": f"{ahmed.url}/orders",
        "order": order.headers["Location"],
    }


@pytest.mark.parametrize("route", ROUTES)
def test_a_repeated_read_is_a_hit_with_the_same_bytes(
    client: httpx2.Client, ahmed: Account, paths: dict[str, str], route: str
) -> None:
    """After one miss come hits with the same body and ETag. Request id and rate limit are new."""
    first, *others = [client.get(paths[route], headers=ahmed.auth) for _ in range(3)]
    assert first.headers["X-Cache"] == "miss"
    for previous, response in zip([first, *others], others, strict=False):
        assert (response.status_code, response.content) == (200, first.content)
        assert response.headers["X-Cache"] == "hit"
        assert [response.headers[it] for it in _SAME_HEADERS] == [
            first.headers[it] for it in _SAME_HEADERS
        ]
        assert response.headers.get("Link") == first.headers.get("Link")
        assert response.headers["X-Request-ID"] != previous.headers["X-Request-ID"]
        assert remaining_requests(response) < remaining_requests(previous)
        assert {name: response.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
        # No header is sent twice.
        assert len(response.headers.multi_items()) == len(dict(response.headers.multi_items()))


@pytest.mark.parametrize("route", ROUTES)
def test_a_version_that_the_client_has_gets_304(
    client: httpx2.Client, ahmed: Account, paths: dict[str, str], route: str
) -> None:
    """Every notation of the ETag gets 304, whether a stored response or the route answers."""
    hot = client.get(paths[route], headers=ahmed.auth)
    etag = hot.headers["ETag"]
    for if_none_match in (etag, f"W/{etag}", f'"other", {etag}', "*", etag):
        response = client.get(paths[route], headers={**ahmed.auth, "If-None-Match": if_none_match})
        assert (response.status_code, response.content) == (304, b""), if_none_match
        assert (response.headers["X-Cache"], response.headers["ETag"]) == ("hit", etag)
        assert response.headers["Cache-Control"] == hot.headers["Cache-Control"]
        assert "Content-Type" not in response.headers
    other = client.get(paths[route], headers={**ahmed.auth, "If-None-Match": '"other"'})
    assert (other.status_code, other.content) == (200, hot.content)
    malformed = client.get(paths[route], headers={**ahmed.auth, "If-None-Match": "bad"})
    problem(malformed, 400, "malformed-header")
    two = [*ahmed.auth.items(), ("If-None-Match", etag), ("If-None-Match", '"other"')]
    assert client.get(paths[route], headers=two).status_code == 304


@pytest.mark.parametrize("route", ROUTES)
def test_a_cached_response_does_not_change_the_meaning_of_a_request(
    client: httpx2.Client, ahmed: Account, paths: dict[str, str], route: str
) -> None:
    """HEAD, media types, invalid queries and other ETags work as without the cache."""
    path = paths[route]
    uncached = client.get(path, headers={**ahmed.auth, "If-None-Match": '"other"'})
    assert uncached.headers["X-Cache"] == "miss"
    for accept in ("*/*", "application/json", "application/*", "text/html, */*;q=0.1"):
        response = client.get(path, headers={**ahmed.auth, "Accept": accept})
        assert (response.status_code, response.content) == (200, uncached.content)
    refused = client.get(path, headers={**ahmed.auth, "Accept": "text/html"})
    problem(refused, 406, "not-acceptable")
    # Two headers with the same name are one list.
    two = [*ahmed.auth.items(), ("Accept", "application/json;q=0"), ("Accept", "*/*")]
    problem(client.get(path, headers=two), 406, "not-acceptable")
    head = client.head(path, headers=ahmed.auth)
    assert (head.status_code, head.content, head.headers["X-Cache"]) == (200, b"", "hit")
    assert [head.headers[it] for it in _SAME_HEADERS] == [
        uncached.headers[it] for it in _SAME_HEADERS
    ]
    assert client.options(path, headers=ahmed.auth).status_code == 204
    if route in {"products", "orders"}:
        broken = client.get(path, params={"limit": "0"}, headers=ahmed.auth)
        assert broken.status_code == 422


def test_each_query_is_cached_separately(
    client: httpx2.Client, admin: Account, ahmed: Account
) -> None:
    """Limit and status are part of the cache key."""
    product = new_product(client, admin)
    for _ in range(3):
        placed(client, ahmed, (product, 1))
    queries = ["", "?limit=1", "?limit=2", "?status=paid", "?status=pending"]
    path = f"{ahmed.url}/orders"
    first = {query: client.get(path + query, headers=ahmed.auth) for query in queries}
    for query, found in first.items():
        again = client.get(path + query, headers=ahmed.auth)
        assert (again.content, again.headers["X-Cache"]) == (found.content, "hit")
        assert again.headers["Link"] == found.headers["Link"]
        assert f'<{path}{query}>; rel="first"' in again.headers["Link"]
    assert [len(it.json()["items"]) for it in first.values()] == [3, 1, 2, 0, 3]


def test_a_404_is_not_cached(
    client: httpx2.Client, admin: Account, database: psycopg.Connection
) -> None:
    """A resource that is created later is found at once, even without a cache invalidation."""
    product = new_product(client, admin)
    path = f"/api/products/{product['id'] + 10**9}"
    for _ in range(3):
        response = client.get(path)
        problem(response, 404, "not-found")
        assert "X-Cache" not in response.headers
    database.execute(
        "INSERT INTO products (id, sku, name, price, stock) OVERRIDING SYSTEM VALUE "
        "SELECT id + 1000000000, sku || '-2', name, price, stock FROM products WHERE id = %s",
        [product["id"]],
    )
    assert client.get(path).json()["sku"] == f"{product['sku']}-2"
    database.execute("DELETE FROM products WHERE sku = %s", [f"{product['sku']}-2"])


def test_a_disabled_cache_is_bypassed(
    start_service: StartService, client: httpx2.Client, ahmed: Account, paths: dict[str, str]
) -> None:
    """With CACHE=off, each read comes from PostgreSQL and has the same bytes as a cached read."""
    off = start_service(CACHE="off").client
    for path in paths.values():
        found = [off.get(path, headers=ahmed.auth) for _ in range(3)]
        assert {it.headers["X-Cache"] for it in found} == {"bypass"}
        assert {it.content for it in found} == {client.get(path, headers=ahmed.auth).content}
        etag = {"If-None-Match": found[0].headers["ETag"]}
        assert off.get(path, headers={**ahmed.auth, **etag}).status_code == 304


def test_without_redis_the_cache_is_bypassed_and_limits_hold(
    start_service: StartService, valkey: ValkeyServer, ahmed: Account, paths: dict[str, str]
) -> None:
    """Without Redis, no cached response is sent, limits are still enforced, and there is no 500."""
    service = start_service(REDIS_URL=valkey.url, RATE_LIMIT_DEFAULT="60/minute")
    for path in paths.values():
        found = [service.client.get(path, headers=ahmed.auth) for _ in range(2)]
        assert found[1].headers["X-Cache"] == "hit"
    valkey.stop()
    found = [service.client.get(it, headers=ahmed.auth) for it in [*paths.values()] * 11]
    assert {it.headers.get("X-Cache") for it in found} == {"bypass", None}  # check F8
    assert [it.status_code for it in found] == [200] * 60 + [429] * 6  # check F8


def _count_of_order_reads(client: httpx2.Client) -> float:
    route = "/api/users/{user_id}/orders/{order_id}"
    name = f'http_request_duration_seconds_count{{method="GET",route="{route}",status="200"}}'
    lines = client.get("/metrics").text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(name))


@pytest.mark.parametrize("credential", ["token", "cookie"])
def test_a_cached_response_is_logged_and_measured(
    service: Service, client: httpx2.Client, ahmed: Account, paths: dict[str, str], credential: str
) -> None:
    """The log line has the route, the status and the user id. The metrics count the response."""
    headers = ahmed.auth if credential == "token" else browser_of(client, ahmed).cookie
    client.get(paths["order"], headers=headers)
    before = _count_of_order_reads(client)
    for _ in range(3):
        hit = client.get(paths["order"], headers=headers)
        line = access_log_line(service, hit.headers["X-Request-ID"])
        assert (line["user_id"], line["status"], line["method"]) == (ahmed.id, 200, "GET")
        assert line["route"] == "/api/users/{user_id}/orders/{order_id}"
    assert _count_of_order_reads(client) == before + 3

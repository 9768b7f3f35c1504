"""A service below a path of its host: ROOT_PATH."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.accounts import sign_up, signup_body
from tests.conftest import StartService
from tests.integration.hostile_provider import HostileProvider
from tests.service import Service

_ROOT_PATH = "/shop"
_PUBLIC_URL = "https://example.com"


@pytest.fixture(scope="module")
def shop(start_service: StartService, provider: HostileProvider) -> Service:
    """A process with a ROOT_PATH."""
    return start_service(**provider.settings, PUBLIC_URL=_PUBLIC_URL, ROOT_PATH="/shop/")


@pytest.fixture(scope="module", params=["kept", "removed"])
def client(request: pytest.FixtureRequest, shop: Service) -> Iterator[httpx2.Client]:
    """A client behind a proxy that keeps ROOT_PATH in the path, or removes it."""
    base_url = f"{shop.url}{_ROOT_PATH}" if request.param == "kept" else shop.url
    with httpx2.Client(base_url=base_url) as client:
        yield client


def test_paths_in_headers_begin_with_the_root_path(client: httpx2.Client) -> None:
    """The client can use Location and Link as they are."""
    response = client.post("/api/users", json=signup_body())
    assert response.status_code == 201
    location = f"/shop/api/users/{response.json()['id']}"
    assert response.headers["Location"] == location  # check F33
    link = client.get("/api/products", params={"limit": 1}).headers["Link"]
    assert re.findall("<([^?]*)", link) == ["/shop/api/products"] * link.count("rel=")
    assert client.get("/").headers["Location"] == "/shop/docs"


def test_the_type_of_a_problem_leads_to_its_page(client: httpx2.Client, shop: Service) -> None:
    """The types of problems of routes, of the framework and of GraphQL begin with ROOT_PATH."""
    types = {
        client.get("/api/users/me").json()["type"],
        client.post("/graphql", json={"query": "{ me { id } }"}).json()["errors"][0]["extensions"][
            "type"
        ],
        client.post("/graphql", json={"query": "{"}).json()["errors"][0]["extensions"]["type"],
        client.post("/api/users", json={}).json()["type"],
    }
    assert all(it.startswith("/shop/problems/") for it in types)
    assert [shop.client.get(it).status_code for it in types] == [200] * len(types)


@pytest.mark.parametrize(
    "page", ["/docs", "/problems", "/problems/not-found", "/account/confirm", "/account/reset"]
)
def test_the_addresses_in_a_page_exist(shop: Service, page: str) -> None:
    """Each address leads to a path below ROOT_PATH."""
    response = shop.client.get(f"{_ROOT_PATH}{page}")
    addresses = re.findall('(?:href|src)="([^"#]+)"', response.text)
    assert addresses
    for address in addresses:
        target = response.url.join(address)
        assert target.path.startswith("/shop/"), address
        assert shop.client.get(target).status_code == 200, address


def test_the_api_documentation_has_the_public_address(client: httpx2.Client) -> None:
    """The examples can be copied into a shell."""
    document = client.get("/openapi.json").json()
    assert document["servers"][0]["url"] == "https://example.com/shop"
    assert "https://example.com/shop/api/auth/login" in document["info"]["description"]


def test_a_sign_in_returns_below_the_root_path(
    client: httpx2.Client, provider: HostileProvider
) -> None:
    """ROOT_PATH is added only to paths of this service. Other paths may be another service's."""
    for return_to, location in (("/welcome", "/welcome"), ("/api/users/me", "/shop/api/users/me")):
        begun = client.get("/api/auth/oidc/test/login", params={"return_to": return_to})
        query = parse_qs(urlsplit(begun.headers["Location"]).query)
        assert query["redirect_uri"] == ["https://example.com/shop/api/auth/oidc/test/callback"]
        cookie = begun.headers["Set-Cookie"].partition(";")[0]
        finished = client.get(
            "/api/auth/oidc/test/callback",
            params=provider.authorize(begun.headers["Location"]),
            headers={"Cookie": cookie},
        )
        assert finished.headers["Location"] == location
        client.cookies.clear()


def test_other_paths_do_not_exist(shop: Service) -> None:
    """`/shopping` is not below `/shop`. `/metrics` is for operators, so it is not below `/shop`."""
    for path in ("/shopping/livez", "/shop/shop/livez", "/shop/nothing", "/shop/metrics"):
        assert shop.client.get(path).status_code == 404, path
    assert shop.client.get("/shop/livez").status_code == 200
    assert shop.client.get("/livez").status_code == 200
    assert shop.client.get("/metrics").status_code == 200


def test_the_session_of_a_user_works_below_the_root_path(client: httpx2.Client) -> None:
    """Rate limits, the session and the cache see the same paths as without ROOT_PATH."""
    account = sign_up(client)
    for outcome in ("miss", "hit"):
        response = client.get(f"/api/users/{account.id}/orders", headers=account.auth)
        assert response.headers["X-Cache"] == outcome

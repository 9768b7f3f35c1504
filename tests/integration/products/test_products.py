"""Products: readable by every client, writable only by administrators."""

from collections.abc import Callable
from functools import partial
from typing import Any

import httpx2
import pytest

from tests.accounts import Account
from tests.integration.shop import edit, new_product, price, product_body, product_url
from tests.integration.wire import at_once, problem, statuses

_KEYS = ["id", "sku", "name", "price", "stock", "created_at", "updated_at"]
_MISSING = f"/api/products/{2**62}"


@pytest.fixture(scope="module")
def product(client: httpx2.Client, admin: Account) -> dict[str, Any]:
    """A product that no test changes."""
    return new_product(client, admin, name="Teapot", price=price("12.50"), stock=7)


def test_an_administrator_can_create_a_product(client: httpx2.Client, admin: Account) -> None:
    """The response is 201 with the Location, where the same product can be read."""
    body = product_body(name="  Kettle  ")
    response = client.post("/api/products", json=body, headers=admin.auth)
    assert response.status_code == 201, response.text
    made = response.json()
    assert list(made) == _KEYS  # check 27
    assert {name: made[name] for name in body} == {**body, "name": "Kettle"}
    assert made["created_at"] == made["updated_at"]
    assert made["created_at"].endswith("Z")
    assert response.headers["Location"] == product_url(made)
    read = client.get(response.headers["Location"])
    assert (read.status_code, read.content) == (200, response.content)
    assert read.headers["ETag"] == response.headers["ETag"]


@pytest.mark.parametrize("path", ["", "/{id}"])
def test_products_are_public_and_can_be_revalidated(
    client: httpx2.Client, product: dict[str, Any], path: str
) -> None:
    """Reading products needs no token, and an unchanged ETag gets 304."""
    url = f"/api/products{path.format(**product)}"
    response = client.get(url)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "public, no-cache"
    conditional = {"If-None-Match": response.headers["ETag"]}
    again = client.get(url, headers=conditional)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["Cache-Control"] == "public, no-cache"
    assert again.headers["ETag"] == response.headers["ETag"]
    assert client.head(url, headers=conditional).status_code == 304
    head = client.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(response.content))


def test_a_missing_product_gets_404(client: httpx2.Client, admin: Account) -> None:
    """A read and a change of a missing product both get 404."""
    problem(client.get(_MISSING), 404, "not-found")
    headers = {**admin.auth, "If-Match": "*"}
    problem(client.patch(_MISSING, json={"stock": 1}, headers=headers), 404, "not-found")


@pytest.mark.parametrize("product_id", ["0", "-1", "01", "x", "1.0", str(2**63)])
def test_an_invalid_product_id_gets_422(client: httpx2.Client, product_id: str) -> None:
    """An id is between 1 and 2^63 - 1, and has one spelling."""
    document = problem(client.get(f"/api/products/{product_id}"), 422, "invalid-content")
    assert [error["parameter"] for error in document["errors"]] == ["product_id"]


def test_only_administrators_can_write(
    client: httpx2.Client, shared_user: Account, product: dict[str, Any]
) -> None:
    """Even with an invalid body, a request without a token gets 401, and a user's gets 403."""
    for body in (product_body(), {"stock": "x"}):
        for call in (
            partial(client.post, "/api/products", json=body),
            partial(client.patch, product_url(product), json=body),
            partial(client.patch, _MISSING, json=body),
        ):
            problem(call(), 401, "unauthenticated")
            problem(call(headers={**shared_user.auth, "If-Match": "*"}), 403, "forbidden")
    assert client.get(product_url(product)).json() == product


def test_a_sku_is_unique(client: httpx2.Client, admin: Account, product: dict[str, Any]) -> None:
    """A new or changed product cannot have another product's sku. It may keep its own sku."""
    body = product_body(sku=product["sku"])
    problem(client.post("/api/products", json=body, headers=admin.auth), 409, "sku-taken")
    other = new_product(client, admin)
    problem(edit(client, admin, other, sku=product["sku"]), 409, "sku-taken")
    assert client.get(product_url(other)).json() == other
    assert edit(client, admin, other, sku=other["sku"]).status_code == 200
    assert edit(client, admin, other, sku=other["sku"].upper()).status_code == 200


def test_of_concurrent_products_with_one_sku_one_is_created(
    client: httpx2.Client, admin: Account
) -> None:
    """The unique index decides, without an earlier query."""
    add = partial(client.post, "/api/products", json=product_body(), headers=admin.auth)
    assert statuses(at_once([add] * 20)) == {201: 1, 409: 19}


_Change = Callable[[str | None], httpx2.Response]


@pytest.fixture
def change(client: httpx2.Client, admin: Account) -> _Change:
    """Changes the name of a product. In If-Match, `{}` is replaced by the first version's ETag."""
    made = new_product(client, admin)
    etag = client.get(product_url(made)).headers["ETag"]

    def send(if_match: str | None) -> httpx2.Response:
        precondition = {} if if_match is None else {"If-Match": if_match.replace("{}", etag)}
        headers = {**admin.auth, **precondition}
        return client.patch(product_url(made), json={"name": "Pot"}, headers=headers)

    return send


def test_a_change_needs_the_current_etag(change: _Change) -> None:
    """No If-Match gets 428, another or a weak ETag gets 412, an invalid If-Match gets 400."""
    problem(change(None), 428, "precondition-required")
    problem(change('"stale"'), 412, "precondition-failed")
    problem(change("W/{}"), 412, "precondition-failed")
    problem(change("unquoted"), 400, "malformed-header")
    changed = change('"other", {}')
    assert (changed.status_code, changed.json()["name"]) == (200, "Pot")
    problem(change("{}"), 412, "precondition-failed")
    assert change("*").status_code == 200


def test_of_50_concurrent_changes_to_one_version_one_succeeds(change: _Change) -> None:
    """Each of the other changes would overwrite a version that its client has not read."""
    assert statuses(at_once([partial(change, "{}")] * 50)) == {200: 1, 412: 49}  # check F19


def test_a_change_affects_only_the_fields_it_contains(
    client: httpx2.Client, admin: Account
) -> None:
    """The ETag changes with the content, and an empty change changes nothing."""
    made = new_product(client, admin)
    values = {"name": "Pot", "price": price("0.10"), "stock": 3, "sku": f"{made['sku']}-2"}
    for field, value in values.items():
        response = edit(client, admin, made, **{field: value})
        assert response.status_code == 200, response.text
        changed = response.json()
        assert changed == {**made, field: value, "updated_at": changed["updated_at"]}
        assert changed["updated_at"] > made["updated_at"]
        read = client.get(product_url(made))
        assert (read.json(), read.headers["ETag"]) == (changed, response.headers["ETag"])
        made = changed
    nothing = edit(client, admin, made)
    assert (nothing.status_code, nothing.json()) == (200, made)

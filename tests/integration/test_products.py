"""Products: read by everybody, kept by administrators, with prices that are exact."""

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
    """A product that stays as it is."""
    return new_product(client, admin, name="Teapot", price=price("12.50"), stock=7)


def test_an_administrator_adds_a_product(client: httpx2.Client, admin: Account) -> None:
    """201 with where it is; what is read there is what was sent."""
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
def test_anybody_reads_products_and_revalidates_what_was_kept(
    client: httpx2.Client, product: dict[str, Any], path: str
) -> None:
    """No token is asked for; the ETag says whether what was kept is still good."""
    url = f"/api/products{path.format(**product)}"
    response = client.get(url)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "public, no-cache"
    known = {"If-None-Match": response.headers["ETag"]}
    again = client.get(url, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["Cache-Control"] == "public, no-cache"
    assert again.headers["ETag"] == response.headers["ETag"]
    assert client.head(url, headers=known).status_code == 304
    head = client.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(response.content))


def test_a_product_that_is_not_there_gets_404(client: httpx2.Client, admin: Account) -> None:
    """To read as to change."""
    problem(client.get(_MISSING), 404, "not-found")
    headers = {**admin.auth, "If-Match": "*"}
    problem(client.patch(_MISSING, json={"stock": 1}, headers=headers), 404, "not-found")


@pytest.mark.parametrize("product_id", ["0", "-1", "01", "x", "1.0", str(2**63)])
def test_what_is_no_id_gets_422(client: httpx2.Client, product_id: str) -> None:
    """An id has one spelling."""
    document = problem(client.get(f"/api/products/{product_id}"), 422, "invalid-content")
    assert [error["parameter"] for error in document["errors"]] == ["product_id"]


def test_only_administrators_write(
    client: httpx2.Client, somebody: Account, product: dict[str, Any]
) -> None:
    """401 without a token, 403 for everybody else; said before the body is judged."""
    for body in (product_body(), {"stock": "x"}):
        for call in (
            partial(client.post, "/api/products", json=body),
            partial(client.patch, product_url(product), json=body),
            partial(client.patch, _MISSING, json=body),
        ):
            problem(call(), 401, "unauthenticated")
            problem(call(headers={**somebody.auth, "If-Match": "*"}), 403, "forbidden")
    assert client.get(product_url(product)).json() == product


def test_a_sku_is_taken_once(
    client: httpx2.Client, admin: Account, product: dict[str, Any]
) -> None:
    """By a new product as by one that is renamed; its own sku is no obstacle."""
    body = product_body(sku=product["sku"])
    problem(client.post("/api/products", json=body, headers=admin.auth), 409, "sku-taken")
    other = new_product(client, admin)
    problem(edit(client, admin, other, sku=product["sku"]), 409, "sku-taken")
    assert client.get(product_url(other)).json() == other
    assert edit(client, admin, other, sku=other["sku"]).status_code == 200
    assert edit(client, admin, other, sku=other["sku"].upper()).status_code == 200


def test_of_many_products_with_one_sku_one_is_added(client: httpx2.Client, admin: Account) -> None:
    """The index decides, not a look beforehand."""
    add = partial(client.post, "/api/products", json=product_body(), headers=admin.auth)
    assert statuses(at_once([add] * 20)) == {201: 1, 409: 19}


_Change = Callable[[str | None], httpx2.Response]


@pytest.fixture
def change(client: httpx2.Client, admin: Account) -> _Change:
    """Changes the name of a product of version `ETag`; `{}` stands for the present one."""
    made = new_product(client, admin)
    etag = client.get(product_url(made)).headers["ETag"]

    def send(if_match: str | None) -> httpx2.Response:
        known = {} if if_match is None else {"If-Match": if_match.replace("{}", etag)}
        headers = {**admin.auth, **known}
        return client.patch(product_url(made), json={"name": "Pot"}, headers=headers)

    return send


def test_a_change_names_the_version_it_is_meant_for(change: _Change) -> None:
    """428 without If-Match, 412 for another version, a weak tag among them, 400 for no tag."""
    problem(change(None), 428, "precondition-required")
    problem(change('"stale"'), 412, "precondition-failed")
    problem(change("W/{}"), 412, "precondition-failed")
    problem(change("unquoted"), 400, "malformed-header")
    changed = change('"other", {}')
    assert (changed.status_code, changed.json()["name"]) == (200, "Pot")
    problem(change("{}"), 412, "precondition-failed")
    assert change("*").status_code == 200


def test_of_50_changes_to_one_version_one_goes_through(change: _Change) -> None:
    """The others would have overwritten what they had not read."""
    assert statuses(at_once([partial(change, "{}")] * 50)) == {200: 1, 412: 49}  # check F19


def test_a_change_leaves_out_what_it_leaves_out(client: httpx2.Client, admin: Account) -> None:
    """Each field for itself, and none at all; the ETag follows the content."""
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

"""Paginated lists."""

from collections.abc import Iterator
from typing import Any

import httpx2
import psycopg
import pytest

from tests.accounts import Account, new_email, sign_up
from tests.integration.shop import new_product, placed
from tests.integration.wire import problem


@pytest.fixture(scope="session")
def admin(database: psycopg.Connection, client: httpx2.Client) -> Account:
    """An administrator who signed up after twelve other users, which SQL inserts."""
    insert = (
        "INSERT INTO users (name, email, password_hash, role) VALUES ('Listed', %s, 'x', 'user')"
    )
    for _ in range(12):
        database.execute(insert, [new_email()])
    account = sign_up(client)
    database.execute("UPDATE users SET role = 'admin' WHERE id = %s", [account.id])
    return account


def _lists(admin: Account) -> list[str]:
    return ["/api/users", "/api/products", "/api/auth/sessions", f"{admin.url}/orders"]


def _get(client: httpx2.Client, admin: Account, url: str, **params: Any) -> httpx2.Response:
    response = client.get(url, headers=admin.auth, params=params or None)
    assert response.status_code == 200, response.text
    return response


def _pages(client: httpx2.Client, admin: Account, url: str) -> Iterator[dict[str, Any]]:
    while url:
        response = _get(client, admin, url)
        yield response.json()
        url = response.links.get("next", {}).get("url", "")


def test_next_links_lead_through_all_pages(client: httpx2.Client, admin: Account) -> None:
    """Each user is listed once, in the order of signup, until next_cursor is null."""
    pages = list(_pages(client, admin, "/api/users?limit=5"))
    assert [len(page["items"]) for page in pages[:-1]] == [5] * (len(pages) - 1)
    assert [page["next_cursor"] is None for page in pages].index(True) == len(pages) - 1
    ids = [user["id"] for page in pages for user in page["items"]]
    assert ids == sorted(set(ids))
    assert admin.id in ids
    assert len(pages) >= 3


def test_next_cursor_and_the_next_link_lead_to_the_same_page(
    client: httpx2.Client, admin: Account
) -> None:
    """Clients can use the cursor or the link."""
    first = _get(client, admin, "/api/users", limit=3)
    cursor = first.json()["next_cursor"]
    by_cursor = _get(client, admin, "/api/users", limit=3, cursor=cursor)
    by_link = _get(client, admin, first.links["next"]["url"])
    assert by_cursor.json()["items"] == by_link.json()["items"]
    again = _get(client, admin, by_link.links["first"]["url"])
    assert again.json()["items"] == first.json()["items"]
    links = [f'<{link["url"]}>; rel="{relation}"' for relation, link in first.links.items()]
    assert first.headers["Link"] == ", ".join(links)


def test_a_list_has_the_keys_and_headers_of_the_contract(
    client: httpx2.Client, admin: Account
) -> None:
    """Each item has the same fields as the response for one user."""
    response = _get(client, admin, "/api/users", limit=1)
    assert list(response.json()) == ["items", "next_cursor"]  # check 27
    (user,) = response.json()["items"]
    assert list(user) == [
        "id", "name", "email", "email_confirmed", "role", "created_at", "updated_at"
    ]  # fmt: skip
    assert response.headers["Cache-Control"] == "private, no-cache"
    headers = {**admin.auth, "If-None-Match": response.headers["ETag"]}
    again = client.get("/api/users?limit=1", headers=headers)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["Link"] == response.headers["Link"]


def test_changes_during_paging_cause_no_repeated_or_missing_rows(
    client: httpx2.Client, admin: Account, database: psycopg.Connection
) -> None:
    """A user who exists during the whole paging is listed exactly once."""
    before = [user["id"] for page in _pages(client, admin, "/api/users?limit=100")
              for user in page["items"]]  # fmt: skip
    listed: list[int] = []
    erased: int | None = None
    for number, page in enumerate(_pages(client, admin, "/api/users?limit=4")):
        listed += [user["id"] for user in page["items"]]
        if erased is None and page["items"][-1]["name"] == "Listed":
            # Erase the last user of a page, whose id is in the cursor. It must be a user that this
            # module has inserted, because other tests use the accounts that signed up.
            erased = listed[-1]
            database.execute(
                "UPDATE users SET erased_at = now(), name = NULL, email = NULL, "
                "password_hash = NULL WHERE id = %s",
                [erased],
            )
        if number < 2:
            sign_up(client)
    assert erased is not None
    assert listed[: len(before)] == before
    assert len(listed) == len(set(listed)) == len(before) + 2


def test_the_limit_is_20_by_default_and_100_at_most(
    client: httpx2.Client, admin: Account, database: psycopg.Connection
) -> None:
    """A limit outside of 1 to 100 is refused and not replaced."""
    insert = (
        "INSERT INTO users (name, email, password_hash, role) "
        "SELECT 'Many', 'many' || n || %s, 'x', 'user' FROM generate_series(1, 105) n"
    )
    database.execute(insert, [new_email()])
    assert len(_get(client, admin, "/api/users").json()["items"]) == 20
    assert len(_get(client, admin, "/api/users", limit=100).json()["items"]) == 100
    assert len(_get(client, admin, "/api/users", limit=1).json()["items"]) == 1
    for path in _lists(admin):
        for limit in ("0", "101", "-1", "x", "1.5", "", "01"):
            response = client.get(f"{path}?limit={limit}", headers=admin.auth)
            document = problem(response, 422, "invalid-content")
            assert [error["parameter"] for error in document["errors"]] == ["limit"]


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "!!!!", "MQ", "YWZ0ZXI6MA", "YWZ0ZXI6LTE", "YWZ0ZXI6MQ==x", "YWZ0ZXI6MQ\x00",
     "YWZ0ZXI6OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "4wzbgAAAAAAAAAAB", "ü", "\ud83d\ude00",
     "../..", "after:1", "A" * 5000],
)  # fmt: skip
def test_a_damaged_cursor_gets_400(client: httpx2.Client, admin: Account, cursor: str) -> None:
    """No list accepts a damaged cursor, and the problem does not repeat the cursor."""
    fit = cursor.encode("utf-16", "surrogatepass").decode("utf-16")
    for path in _lists(admin):
        response = client.get(path, params={"cursor": fit}, headers=admin.auth)
        document = problem(response, 400, "malformed-cursor")  # check 43
        assert len(cursor) < 4 or fit not in document["detail"]


def test_the_list_finds_an_account_by_email(
    client: httpx2.Client, admin: Account, shared_user: Account
) -> None:
    """Case and spaces of the email make no difference. An unknown email gives an empty list."""
    for email in (shared_user.email, f" {shared_user.email.upper()} "):
        found = _get(client, admin, "/api/users", email=email).json()
        assert [user["id"] for user in found["items"]] == [shared_user.id]
        assert found["next_cursor"] is None
    unknown = _get(client, admin, "/api/users", email=new_email())
    assert unknown.json() == {"items": [], "next_cursor": None}
    assert set(unknown.links) == {"first"}


def test_links_keep_the_other_parameters(client: httpx2.Client, admin: Account) -> None:
    """The links keep `status` and `limit`, so the next page belongs to the same list."""
    url = f"{admin.url}/orders"
    product = new_product(client, admin)
    for _ in range(2):
        placed(client, admin, (product, 1))
    first = _get(client, admin, f"{url}?status=pending&limit=1")
    target = httpx2.URL(first.links["next"]["url"])
    assert target.params["limit"] == "1"
    assert target.params["status"] == "pending"
    assert "cursor" not in httpx2.URL(first.links["first"]["url"]).params

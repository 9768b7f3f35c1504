"""A read that starts after the response to a write sees that write, in every process."""

import struct
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import argon2
import httpx2
import psycopg
import pytest
import redis
from psycopg import sql

from tests.accounts import PASSWORD, Account, log_in, new_admin, sign_up
from tests.conftest import NewDatabase, StartService
from tests.integration.proxy import Delay, PostgresProxy
from tests.integration.shop import (
    assert_replay,
    edit,
    move,
    new_key,
    new_product,
    order,
    product_url,
)
from tests.integration.wire import problem
from tests.service import run_app

pytestmark = pytest.mark.slow

Pair = tuple[httpx2.Client, httpx2.Client]
ROUNDS = 4
_TIMEOUT_SECONDS = 10


@pytest.fixture(scope="module")
def own_url(new_tables: NewDatabase) -> str:
    """A database of this module only, with product ids that occur nowhere else."""
    url = new_tables()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE products ALTER id RESTART WITH 5000000007")
    return url


@pytest.fixture(scope="module")
def settings(own_url: str) -> dict[str, str]:
    """The settings that the two processes share."""
    return {
        "DATABASE_URL": own_url,
        "REDIS_KEY_PREFIX": f"fresh-{own_url[-12:]}",
        "REDIS_TIMEOUT": "2",
        "REQUEST_TIMEOUT": "2",
        "DATABASE_STATEMENT_TIMEOUT": "1.5",
    }


@pytest.fixture(scope="module")
def pair(
    start_service: StartService, settings: dict[str, str], proxied: tuple[PostgresProxy, str]
) -> Pair:
    """Two processes with the same Redis and database. Only the first uses the database proxy."""
    first = start_service(**{**settings, "DATABASE_URL": proxied[1]})
    return first.client, start_service(**settings).client


@pytest.fixture(scope="module")
def admin(pair: Pair, own_url: str) -> Account:
    """An administrator in the database of this module."""
    return new_admin(pair[0], own_url)


@pytest.fixture
def buyer(pair: Pair) -> Account:
    """A user in the database of this module."""
    return sign_up(pair[0])


def _read_everywhere(pair: Pair, path: str, headers: dict[str, str] | None = None) -> list[Any]:
    """Read a path twice in each process, and return the bodies. The last read is a cache hit."""
    found = [client.get(path, headers=headers) for client in pair * 2]
    assert {response.status_code for response in found} == {200}
    assert found[-1].headers["X-Cache"] == "hit"
    return [response.json() for response in found]


def test_every_change_of_an_account_is_visible_in_every_process(
    pair: Pair, buyer: Account, admin: Account
) -> None:
    """The owner changes name and password, and an administrator deletes the account."""
    now = ""
    for number in range(ROUNDS):
        writer = pair[number % 2]
        headers = {**buyer.auth, "If-Match": "*"}
        changed = writer.patch(buyer.url, json={"name": f"No {number}"}, headers=headers)
        assert changed.status_code == 200, changed.text
        for path in (buyer.url, "/api/users/me"):
            assert _read_everywhere(pair, path, buyer.auth) == [changed.json()] * 4  # check F11
        change = {"current_password": PASSWORD, "new_password": PASSWORD}
        path = f"{buyer.url}/password"
        assert writer.put(path, json=change, headers=buyer.auth).status_code == 204
        before, now = now, pair[0].get(buyer.url, headers=buyer.auth).json()["updated_at"]
        assert before < now
        for account in (buyer, admin):
            for user in _read_everywhere(pair, buyer.url, account.auth):
                assert user["updated_at"] == now  # check F11
    gone = pair[0].delete(buyer.url, headers={**admin.auth, "If-Match": "*"})
    assert gone.status_code == 204
    for client in pair * 2:
        problem(client.get(buyer.url, headers=admin.auth), 404, "not-found")


def test_a_login_that_replaces_the_hash_is_visible_in_every_process(
    pair: Pair, buyer: Account, own_url: str
) -> None:
    """The login creates a new version of the account. Its ETag is accepted in If-Match."""
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    with psycopg.connect(own_url, autocommit=True) as connection:
        connection.execute("UPDATE users SET password_hash = %s WHERE id = %s", [weak, buyer.id])
    before = _read_everywhere(pair, buyer.url, buyer.auth)[-1]["updated_at"]
    log_in(pair[1], buyer.email, PASSWORD)
    for client in pair:
        read = client.get(buyer.url, headers=buyer.auth)
        assert read.json()["updated_at"] > before  # check 56
        headers = {**buyer.auth, "If-Match": read.headers["ETag"]}
        changed = client.patch(buyer.url, json={"name": "B"}, headers=headers)
        assert changed.status_code == 200  # check 56


def test_an_erased_account_cannot_order_in_any_process(
    pair: Pair, buyer: Account, admin: Account, own_url: str
) -> None:
    """An order is refused even in a process that checked the session just before the deletion."""
    product = new_product(pair[0], admin)
    assert pair[1].get(buyer.url, headers=buyer.auth).status_code == 200
    gone = pair[0].delete(buyer.url, headers={**buyer.auth, "If-Match": "*"})
    assert gone.status_code == 204
    problem(order(pair[1], buyer, (product, 1)), 401, "invalid-token")  # check 47
    keyed = order(pair[1], buyer, (product, 1), key=new_key())
    problem(keyed, 401, "invalid-token")  # check 47
    with psycopg.connect(own_url, autocommit=True) as connection:
        for table in ("orders", "idempotency_keys", "identities", "sessions", "messages"):
            statement = sql.SQL("SELECT count(*) FROM {} WHERE user_id = %s")
            found = connection.execute(statement.format(sql.Identifier(table)), [buyer.id])
            assert found.fetchone() == (0,)  # check 47


def test_redis_contains_no_personal_data_of_an_erased_account(
    pair: Pair, buyer: Account, settings: dict[str, str], redis_url: str
) -> None:
    """Redis contains no version of an erased account, not even an earlier version."""
    for name in ("Canary One", "Canary Two"):
        headers = {**buyer.auth, "If-Match": "*"}
        assert pair[0].patch(buyer.url, json={"name": name}, headers=headers).status_code == 200
        _read_everywhere(pair, buyer.url, buyer.auth)
    gone = pair[0].delete(buyer.url, headers={**buyer.auth, "If-Match": "*"})
    assert gone.status_code == 204
    with redis.Redis.from_url(redis_url) as connection:
        for key in connection.keys(f"{settings['REDIS_KEY_PREFIX']}:cache:{{user:{buyer.id}}}*"):
            assert connection.type(key) == b"string"  # check 48
        stored = b"".join(
            b"".join(connection.hgetall(key).values())
            for key in connection.keys(f"{settings['REDIS_KEY_PREFIX']}:*")
            if connection.type(key) == b"hash"
        )
    assert b"Canary" not in stored  # check 48
    assert buyer.email.encode() not in stored  # check 48


def test_every_change_of_a_product_is_visible_in_every_process(pair: Pair, admin: Account) -> None:
    """The product's own path and the list of products both show a new or changed product."""
    for number in range(ROUNDS):
        writer = pair[number % 2]
        product = new_product(writer, admin)
        for page in _read_everywhere(pair, "/api/products?limit=100"):
            assert product in page["items"]  # check F11
        assert _read_everywhere(pair, product_url(product)) == [product] * 4  # check F11
        changed = edit(writer, admin, product, name=f"No {number}").json()
        for page in _read_everywhere(pair, "/api/products?limit=100"):
            assert changed in page["items"]  # check F11
        assert _read_everywhere(pair, product_url(product)) == [changed] * 4  # check F11


def test_every_change_of_an_order_is_visible_in_every_process(
    pair: Pair, buyer: Account, admin: Account
) -> None:
    """Order, lists and stock are current after each change, and after a replayed order."""
    product = new_product(pair[0], admin, stock=10)
    orders = f"{buyer.url}/orders"

    def stock_is(left: int) -> None:
        for found in _read_everywhere(pair, product_url(product)):
            assert found["stock"] == left  # check F11
        for page in _read_everywhere(pair, "/api/products?limit=100"):
            stocks = [it["stock"] for it in page["items"] if it["id"] == product["id"]]
            assert stocks == [left]  # check F11

    for number in range(ROUNDS):
        here, there = pair if number % 2 else pair[::-1]
        key = new_key()
        first = order(here, buyer, (product, 3), key=key)
        stock_is(7)
        assert_replay(order(there, buyer, (product, 3), key=key), first)
        stock_is(7)
        url = first.headers["Location"]
        for page in _read_everywhere(pair, orders, buyer.auth):
            assert page["items"][0] == first.json()  # check F11
        for account, step in ((admin, "paid"), (buyer, "cancelled")):
            moved = move(there, account, url, step)
            assert moved.status_code == 200, moved.text
            assert _read_everywhere(pair, url, buyer.auth) == [moved.json()] * 4  # check F11
            for page in _read_everywhere(pair, orders, buyer.auth):
                assert page["items"][0]["status"] == step  # check F11
            query = f"{orders}?status={step}"
            for page in _read_everywhere(pair, query, buyer.auth):
                assert moved.json() in page["items"]  # check F11
        stock_is(10)


def test_a_promotion_by_the_command_is_visible_in_every_process(
    pair: Pair, buyer: Account, settings: dict[str, str],
    redis_url: str, token_signing_key: str,
) -> None:  # fmt: skip
    """`create-admin` is a third process. Before it ends, it invalidates the account in Redis."""
    for user in _read_everywhere(pair, "/api/users/me", buyer.auth):
        assert user["role"] == "user"  # check F11
    own = {**settings, "REDIS_URL": redis_url, "TOKEN_SIGNING_KEY": token_signing_key}
    run_app(
        "create-admin", "--email", buyer.email, settings={**own, "ADMIN_PASSWORD": PASSWORD}
    ).check_returncode()
    for user in _read_everywhere(pair, "/api/users/me", buyer.auth):
        assert user["role"] == "admin"  # check F11


@pytest.mark.parametrize("flush", ["", "flushed"])
@pytest.mark.parametrize("writer", [0, 1])
def test_a_slow_read_does_not_cache_what_a_later_write_replaced(
    pair: Pair, proxied: tuple[PostgresProxy, str], admin: Account, redis_url: str,
    writer: int, flush: str,
) -> None:  # fmt: skip
    """A write commits after the query of the read, before the read stores its result.

    The read must not store the old product, even if FLUSHALL empties Redis during the read.
    """
    product = new_product(pair[1], admin)
    path = product_url(product)
    # The proxy finds the read by the product's id. The message to PostgreSQL contains the id even
    # if the statement is already prepared.
    delay = proxied[0].delay = Delay(struct.pack("!q", product["id"]))
    with ThreadPoolExecutor(2) as threads:
        slow = threads.submit(pair[0].get, path)
        try:
            assert delay.answered.wait(_TIMEOUT_SECONDS)
            if flush:
                redis.Redis.from_url(redis_url).flushall()  # check F10
            changed = edit(pair[writer], admin, product, name="New")
            assert changed.status_code == 200, changed.text
            for client in pair:
                assert client.get(path).content == changed.content  # check F11
        finally:
            proxied[0].delay = None
            delay.released.set()
        assert slow.result().json() == product
    assert _read_everywhere(pair, path) == [changed.json()] * 4  # check F11

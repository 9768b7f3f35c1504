"""`make seed` fills a shop in a real stack."""

import os
import re
import signal
from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest

from lab.seed.catalogue import CATALOGUE
from lab.seed.people import PASSWORD, PEOPLE
from lab.seed.stock import DELIVERY_PIECES
from lab.stack.processes.waiting import wait_until
from tests.accounts import signup_body
from tests.e2e.local_stack import NO_PROVIDER, LocalStack, running_stack
from tests.integration.shop import product_body

pytestmark = pytest.mark.slow

# All rows that `make seed` writes, and the sequences. Even an INSERT that adds no row advances a
# sequence. The sequences of the job queue are left out, because the worker may advance them.
EVERYTHING = (
    "SELECT * FROM users ORDER BY id",
    "SELECT * FROM products ORDER BY id",
    "SELECT * FROM orders ORDER BY id",
    "SELECT * FROM order_lines ORDER BY order_id, position",
    (
        "SELECT sequencename, last_value FROM pg_sequences"
        " WHERE sequencename !~ '^procrastinate' ORDER BY sequencename"
    ),
)


class Shop:
    """A seeded stack, with access to its API and its database."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.database_url = stack.parts.libpq_url

    def seed(self, orders: int | None = None) -> str:
        """Run `lab seed`, and return its output."""
        settings: dict[str, str] = {} if orders is None else {"SEED_ORDERS": str(orders)}
        return self.stack.succeed("seed", **settings)

    def query(self, query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of one query."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(query, values).fetchall()

    def count(self) -> int:
        """Count the orders of the seeded accounts."""
        emails = [person.email for person in PEOPLE]
        return int(
            self.query(
                "SELECT count(*) FROM orders JOIN users ON users.id = user_id"
                " WHERE email = ANY(%s)",
                emails,
            )[0][0]
        )

    def get(self, path: str, token: str | None = None) -> Any:
        """Return the parsed body of a GET request, which must succeed."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        response = self.stack.request("GET", path, headers=headers)
        assert response.status == 200, response.text
        return response.json()

    def pages(self, path: str, token: str | None = None) -> list[Any]:
        """Return all items of a list, from all of its pages."""
        items: list[Any] = []
        cursor: str | None = ""
        while cursor is not None:
            page = self.get(f"{path}?limit=100{cursor and '&cursor='}{cursor}", token)
            items += page["items"]
            cursor = page["next_cursor"]
        return items


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """A stack with 200 orders, for all tests of this file. The tests add more orders."""
    with running_stack(**NO_PROVIDER) as stack:
        shop = Shop(stack)
        output = shop.seed()
        assert "added             47        50       200\n" in output
        assert "total now         47        50       200\n" in output
        yield shop


def test_every_seeded_product_is_listed(shop: Shop) -> None:
    """The API lists the products with name and price, in the order of the catalogue."""
    listed = {product["sku"]: product for product in shop.pages("/api/products")}
    skus = [product.sku for product in CATALOGUE]
    assert [sku for sku in listed if sku in skus] == skus
    for product in CATALOGUE:
        assert listed[product.sku]["name"] == product.name
        assert listed[product.sku]["price"] == {"amount": str(product.price), "currency": "EUR"}
        assert listed[product.sku]["stock"] >= 0


def test_a_seeded_user_can_log_in_and_read_their_orders(shop: Shop) -> None:
    """The newest order is first."""
    token = shop.stack.log_in(PEOPLE[0].email, PASSWORD)
    me = shop.get("/api/users/me", token)
    assert me["name"] == PEOPLE[0].name
    orders = shop.pages(f"/api/users/{me['id']}/orders", token)
    assert orders
    times = [order["created_at"] for order in orders]
    assert times == sorted(times, reverse=True)


def test_the_printed_commands_show_the_shop(shop: Shop) -> None:
    """The address, the account and the password in the commands are correct."""
    output = shop.seed()
    token = shop.stack.log_in(PEOPLE[0].email, PASSWORD)
    user_id = shop.get("/api/users/me", token)["id"]
    service = f"http://localhost:{shop.stack.http_port}"
    assert f"{service}/api/products?limit=3" in output
    assert f"{service}/api/users/{user_id}/orders?limit=3" in output
    assert f'{{"email":"{PEOPLE[0].email}","password":"{PASSWORD}"}}' in output
    # The README stores another account's token in TOKEN, so these commands must not set TOKEN.
    assert not re.search(r"\bTOKEN\b", output)


def test_seeding_again_changes_nothing_and_says_so(shop: Shop) -> None:
    """No row and no sequence changes, even if fewer orders are requested than exist."""
    before = [shop.query(query) for query in EVERYTHING]
    assert "Nothing was missing." in shop.seed()
    assert "Nothing was missing." in shop.seed(3)
    assert [shop.query(query) for query in EVERYTHING] == before


def test_a_larger_number_adds_only_the_missing_orders(shop: Shop) -> None:
    """Existing orders do not change. New orders have later ids and later times."""
    before, existing = shop.query("SELECT * FROM orders ORDER BY id"), shop.count()
    output = shop.seed(existing + 3000)
    assert "added              0         0     3,000" in output
    assert shop.count() == existing + 3000
    after = shop.query("SELECT * FROM orders ORDER BY id")
    assert after[: len(before)] == before
    times = shop.query(
        "SELECT orders.created_at FROM orders JOIN users ON users.id = user_id"
        " WHERE email LIKE %s ORDER BY orders.id",
        "%@seed.example.com",
    )
    assert times == sorted(times)


def test_seeding_does_not_change_data_of_other_users(shop: Shop) -> None:
    """Another user's account and orders stay the same, and so do other products and their stock."""
    admin = {"EMAIL": "keeper@example.com", "PASSWORD": "seven small green apples"}
    shop.stack.succeed("admin", **admin)
    admin_token = shop.stack.log_in(admin["EMAIL"], admin["PASSWORD"])
    admin_auth = {"Authorization": f"Bearer {admin_token}"}
    product = product_body(stock=5)
    created = shop.stack.request("POST", "/api/products", body=product, headers=admin_auth).json()
    account = signup_body()
    buyer = shop.stack.request("POST", "/api/users", body=account).json()
    token = shop.stack.log_in(account["email"], account["password"])
    orders = f"/api/users/{buyer['id']}/orders"
    order = {"items": [{"product_id": created["id"], "quantity": 2}]}
    buyer_auth = {"Authorization": f"Bearer {token}"}
    assert shop.stack.request("POST", orders, body=order, headers=buyer_auth).status == 201

    def read_all() -> list[Any]:
        paths = (f"/api/products/{created['id']}", f"/api/users/{buyer['id']}", orders)
        return [shop.get(path, token) for path in paths]

    before = read_all()
    assert before[0]["stock"] == 3
    shop.seed(shop.count() + 100)
    assert read_all() == before


def test_the_next_run_completes_a_killed_run(shop: Shop) -> None:
    """Each step of the killed run is complete or absent, and nothing is added twice."""
    before = shop.count()
    target = before + 30_000
    killed = shop.stack.spawn("seed", SEED_ORDERS=str(target))
    assert wait_until(lambda: shop.count() > before, timeout_s=60)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=30)
    assert before < shop.count() < target
    shop.seed(target)
    assert shop.count() == target
    assert_consistent(shop)


def test_two_runs_at_once_add_no_more_than_one_run(shop: Shop) -> None:
    """The second run waits for the first one, and then adds nothing."""
    target = shop.count() + 6000
    runs = [shop.stack.spawn("seed", SEED_ORDERS=str(target)) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in runs]
    assert [process.returncode for process in runs] == [0, 0], outputs
    assert sum("Nothing was missing." in output for output in outputs) == 1
    assert shop.count() == target


def test_stock_and_sold_pieces_equal_opening_stock_and_deliveries(shop: Shop) -> None:
    """Deliveries come in whole crates. The total of each order is the sum of its lines."""
    assert_consistent(shop)
    shop.seed(shop.count() + 2000)
    assert_consistent(shop)


def test_seeding_without_a_running_stack_is_an_error(own_stack: LocalStack) -> None:
    """The error says how to start the stack, and `lab seed` does not start it."""
    result = own_stack.run("seed")
    assert result.returncode == 1
    assert result.stdout == "The stack does not run. Start it:  make start\n"


def assert_consistent(shop: Shop) -> None:
    """Compare the stock with the sold pieces, and the total of each order with its lines."""
    opening = {product.sku: product.opening_stock for product in CATALOGUE}
    rows = shop.query(
        "SELECT sku, stock, coalesce(sum(quantity) FILTER (WHERE status <> 'cancelled'), 0)"
        " FROM products LEFT JOIN order_lines ON product_id = products.id"
        " LEFT JOIN orders ON orders.id = order_id WHERE sku = ANY(%s) GROUP BY sku, stock",
        list(opening),
    )
    assert {row[0] for row in rows} == set(opening)
    for sku, stock, sold in rows:
        delivered = stock + sold - opening[sku]
        assert stock >= 0
        assert delivered >= 0
        assert delivered % DELIVERY_PIECES == 0, sku
    wrong = shop.query(
        "SELECT id FROM orders WHERE total IS DISTINCT FROM"
        " (SELECT sum(quantity * unit_price) FROM order_lines WHERE order_id = orders.id)"
    )
    assert wrong == []

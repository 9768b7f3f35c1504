"""The seeded shop in a real stack: what `make seed` promises."""

import os
import re
import signal
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, LiteralString

import psycopg
import pytest

from lab.seed.catalogue import CATALOGUE
from lab.seed.people import PASSWORD, PEOPLE
from lab.seed.stock import DELIVERY_PIECES
from lab.stack.postgres import PostgresServer
from tests.e2e.local_stack import NO_PROVIDER, LocalStack, signup

pytestmark = pytest.mark.slow

# All that a seed writes, and the sequences: an insert that does nothing moves them all the same.
EVERYTHING = (
    "SELECT * FROM users ORDER BY id",
    "SELECT * FROM products ORDER BY id",
    "SELECT * FROM orders ORDER BY id",
    "SELECT * FROM order_lines ORDER BY order_id, position",
    "SELECT sequencename, last_value FROM pg_sequences ORDER BY sequencename",
)


class Shop:
    """A stack with a seed in it, seen from the API and from its database."""

    def __init__(self, stack: LocalStack) -> None:
        """Take a running one."""
        self.stack = stack
        self.database_url = PostgresServer(stack.directory / "postgres").url

    def seed(self, orders: int | None = None) -> str:
        """Run the command; what it has said."""
        result = self.stack.run("seed", **({} if orders is None else {"SEED_ORDERS": str(orders)}))
        assert result.returncode == 0, result.stdout
        return result.stdout

    def query(self, query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of one query."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(query, values).fetchall()

    def count(self) -> int:
        """Count the orders of the seeded people."""
        emails = [person.email for person in PEOPLE]
        return int(
            self.query(
                "SELECT count(*) FROM orders JOIN users ON users.id = user_id"
                " WHERE email = ANY(%s)",
                emails,
            )[0][0]
        )

    def get(self, path: str, token: str | None = None) -> Any:
        """Read something of the API, with all of its pages when it is a list."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = self.stack.request("GET", path, headers=headers)
        assert answer.status == 200, answer.text
        return answer.json()

    def pages(self, path: str, token: str | None = None) -> list[Any]:
        """Read a list of the API to its end."""
        items: list[Any] = []
        cursor: str | None = ""
        while cursor is not None:
            page = self.get(f"{path}?limit=100{cursor and '&cursor='}{cursor}", token)
            items += page["items"]
            cursor = page["next_cursor"]
        return items

    def login(self, email: str, password: str) -> str:
        """Return an access token."""
        credentials = {"email": email, "password": password}
        answer = self.stack.request("POST", "/api/auth/login", body=credentials)
        assert answer.status == 200, answer.text
        return str(answer.json()["access_token"])


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """A stack of its own with 200 orders, to which each test adds what it likes."""
    stack = LocalStack(**NO_PROVIDER)
    try:
        stack.start()
        shop = Shop(stack)
        said = shop.seed()
        assert "added             47        50       200\n" in said
        assert "total now         47        50       200\n" in said
        yield shop
    finally:
        stack.discard()


def test_the_catalogue_is_for_sale(shop: Shop) -> None:
    """Every product is listed with its price, in the order of the catalogue."""
    listed = {product["sku"]: product for product in shop.pages("/api/products")}
    skus = [product.sku for product in CATALOGUE]
    assert [sku for sku in listed if sku in skus] == skus
    for product in CATALOGUE:
        assert listed[product.sku]["name"] == product.name
        assert listed[product.sku]["price"] == {"amount": str(product.price), "currency": "EUR"}
        assert listed[product.sku]["stock"] >= 0


def test_a_seeded_person_logs_in_and_finds_their_orders(shop: Shop) -> None:
    """Newest first, by id as by time, each total being what its lines make."""
    token = shop.login(PEOPLE[0].email, PASSWORD)
    me = shop.get("/api/users/me", token)
    assert me["name"] == PEOPLE[0].name
    orders = shop.pages(f"/api/users/{me['id']}/orders", token)
    assert orders
    for order in orders:
        lines = [
            Decimal(line["unit_price"]["amount"]) * line["quantity"] for line in order["items"]
        ]
        assert Decimal(order["total"]["amount"]) == sum(lines)
    times = [order["created_at"] for order in orders]
    assert times == sorted(times, reverse=True)


def test_the_commands_that_it_prints_show_the_shop(shop: Shop) -> None:
    """The address, the person and the password in them are right."""
    said = shop.seed()
    token = shop.login(PEOPLE[0].email, PASSWORD)
    me = shop.get("/api/users/me", token)["id"]
    service = f"http://localhost:{shop.stack.http_port}"
    assert f"{service}/api/products?limit=3" in said
    assert f"{service}/api/users/{me}/orders?limit=3" in said
    assert f'{{"email":"{PEOPLE[0].email}","password":"{PASSWORD}"}}' in said
    # The README's TOKEN is of another person.
    assert not re.search(r"\bTOKEN\b", said)


def test_seeding_again_changes_nothing_and_says_so(shop: Shop) -> None:
    """Not a row, not a sequence; nor does a number that is smaller than what there is."""
    before = [shop.query(query) for query in EVERYTHING]
    assert "Nothing was missing." in shop.seed()
    assert "Nothing was missing." in shop.seed(3)
    assert [shop.query(query) for query in EVERYTHING] == before


def test_a_larger_number_adds_only_what_is_missing(shop: Shop) -> None:
    """The orders from before stay as they are, and the new ones are later by id as by time."""
    before, there = shop.query("SELECT * FROM orders ORDER BY id"), shop.count()
    said = shop.seed(there + 3000)
    assert "added              0         0     3,000" in said
    assert shop.count() == there + 3000
    after = shop.query("SELECT * FROM orders ORDER BY id")
    assert after[: len(before)] == before
    times = shop.query(
        "SELECT orders.created_at FROM orders JOIN users ON users.id = user_id"
        " WHERE email LIKE %s ORDER BY orders.id",
        "%@seed.example.com",
    )
    assert times == sorted(times)


def test_what_a_person_has_made_is_left_alone(shop: Shop) -> None:
    """Their account, their product, their order, and the stock that it has left."""
    who = {"EMAIL": "keeper@example.com", "PASSWORD": "seven small green apples"}
    assert shop.stack.run("admin", **who).returncode == 0
    keeper = {"Authorization": f"Bearer {shop.login(who['EMAIL'], who['PASSWORD'])}"}
    product = {
        "sku": "kettle-1",
        "name": "Kettle",
        "price": {"amount": "24.90", "currency": "EUR"},
        "stock": 5,
    }
    made = shop.stack.request("POST", "/api/products", body=product, headers=keeper).json()
    buyer = shop.stack.request("POST", "/api/users", body=signup("buyer@example.com")).json()
    token = shop.login("buyer@example.com", signup("")["password"])
    orders = f"/api/users/{buyer['id']}/orders"
    order = {"items": [{"product_id": made["id"], "quantity": 2}]}
    bearer = {"Authorization": f"Bearer {token}"}
    assert shop.stack.request("POST", orders, body=order, headers=bearer).status == 201

    def theirs() -> list[Any]:
        paths = (f"/api/products/{made['id']}", f"/api/users/{buyer['id']}", orders)
        return [shop.get(path, token) for path in paths]

    before = theirs()
    assert before[0]["stock"] == 3
    shop.seed(shop.count() + 100)
    assert theirs() == before


def test_a_run_that_is_killed_is_completed_by_the_next(shop: Shop) -> None:
    """Whole steps are there, nothing twice, nothing half."""
    wanted = shop.count() + 30_000
    killed = shop.stack.spawn("seed", SEED_ORDERS=str(wanted))
    assert killed.stdout is not None
    assert " of 30,000 orders" in killed.stdout.readline()
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=30)
    shop.seed(wanted)
    assert shop.count() == wanted
    assert_consistent(shop)


def test_two_at_once_add_no_more_than_one(shop: Shop) -> None:
    """They take turns; what the first has added the second finds."""
    wanted = shop.count() + 6000
    both = [shop.stack.spawn("seed", SEED_ORDERS=str(wanted)) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("Nothing was missing." in output for output in said) == 1
    assert shop.count() == wanted


def test_stock_and_what_was_sold_make_what_was_bought(shop: Shop) -> None:
    """What was there at first, and whole crates; every total is the sum of its lines."""
    assert_consistent(shop)
    shop.seed(shop.count() + 2000)
    assert_consistent(shop)


def test_without_a_running_stack_it_says_how_to_start_one(own_stack: LocalStack) -> None:
    """And starts nothing by itself."""
    result = own_stack.run("seed")
    assert result.returncode == 1
    assert result.stdout == "The stack does not run. Start it:  make start\n"


def assert_consistent(shop: Shop) -> None:
    """Hold stock against what was sold, and totals against lines."""
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

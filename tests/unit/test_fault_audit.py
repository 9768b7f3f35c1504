"""The audit of `make faults` finds each broken promise, and names the write or the row."""

from typing import Any

import pytest

from lab.bench.load.traffic import Exchange
from tests.accounts import Account
from tests.e2e.faults.audit import Audit
from tests.e2e.faults.journal import SCARCE_STOCK, Journal
from tests.e2e.faults.writes import CANCELLATION, ORDER, SIGNUP, Outcome, Write
from tests.e2e.shoppers import OPENING_STOCK, Shop

BUYER = Account(3, "ahmed@example.com", "purple monkey dishwasher", "token", '"1"')
SHOP = Shop(8080, BUYER, BUYER, {"id": 1})
SCARCE = Shop(8080, BUYER, BUYER, {"id": 2})
PATH = "/api/users/3/orders/17"
EMAIL = "nia@example.com"
# One order was placed with the key `first` and then cancelled, and one was refused.
RIGHT: dict[str, Any] = {
    "users": frozenset({EMAIL}),
    "orders": {17: "cancelled"},
    "keys": {"first": PATH},
    "stock": {1: (OPENING_STOCK, 0), 2: (SCARCE_STOCK - 1, 1)},
}


@pytest.fixture
def journal() -> Journal:
    """The journal of these orders and of one signup."""
    journal = Journal(shop=SHOP, scarce=SCARCE)
    for write in (
        Write(ORDER, "first", SHOP.order("first"), Outcome.CONFIRMED, row=17),
        Write(ORDER, "second", SCARCE.order("second"), Outcome.REFUSED),
        Write(SIGNUP, EMAIL, SHOP.sign_up(), Outcome.CONFIRMED),
        Write(CANCELLATION, PATH, SHOP.cancel(17), Outcome.CONFIRMED),
    ):
        journal.writes[write.key] = write
    return journal


def found(journal: Journal, delivered: int = 1, **rows: Any) -> list[str]:
    """Return all sentences of the audit of these rows."""
    audit = Audit(journal, **{**RIGHT, **rows})
    undelivered = audit.undelivered({EMAIL: delivered}, at_most=2)
    return [
        *audit.lost(),
        *audit.repeated(),
        *audit.unsettled(),
        *audit.oversold(),
        *undelivered,
    ]


def test_the_right_rows_break_no_promise(journal: Journal) -> None:
    """Each row belongs to one write."""
    assert found(journal) == []


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ({"users": frozenset()}, f"signup {EMAIL} was confirmed, but no row of users"),
        ({"keys": {}}, "for the key first, but the row of idempotency_keys has None"),
        ({"orders": {}}, "order 17 was confirmed, but orders has no such row"),
        ({"orders": {17: "pending"}}, f"{PATH} was confirmed, but its status is pending"),
        ({"orders": {17: "cancelled", 18: "pending"}}, "order 18 has 0 rows in idempotency_keys"),
        ({"keys": {"first": PATH, "second": PATH}}, "key second was refused, but is in"),
        ({"stock": {**RIGHT["stock"], 2: (-1, SCARCE_STOCK + 1)}}, "product 2 has -1 pieces"),
        ({"stock": {**RIGHT["stock"], 2: (1, SCARCE_STOCK)}}, "product 2 has 1 pieces in stock"),
        ({"delivered": 0}, f"{EMAIL} was delivered 0 times"),
        ({"delivered": 3}, f"{EMAIL} was delivered 3 times"),
    ],
)
def test_a_wrong_row_is_named(journal: Journal, rows: dict[str, Any], sentence: str) -> None:
    """The sentence names the write or the row."""
    assert any(sentence in one for one in found(journal, **rows))


def test_a_write_without_a_known_outcome_is_named(journal: Journal) -> None:
    """All servers are available at the end, so each write must be confirmed or refused."""
    journal.writes["third"] = Write(ORDER, "third", SHOP.order("third"), attempts=4)
    assert found(journal) == ["order third is unknown after 4 attempts"]


@pytest.mark.parametrize(
    ("path", "outcome", "body"),
    [
        (PATH, 200, '{"status":"pending"}'),
        (PATH, 404, '{"code":"not-found"}'),
        ("/api/products", 500, '{"code":"internal-error"}'),
    ],
)
def test_a_stale_read_or_another_error_is_a_wrong_answer(
    journal: Journal, path: str, outcome: int, body: str
) -> None:
    """A read that begins after a confirmed cancellation must show the cancellation.

    The only error that the service may return is 503.
    """
    confirmation = '{"id":17,"status":"cancelled"}'
    journal.add(Exchange(SHOP.cancel(17), 200, confirmation, seconds=0.1, ended=1.0))
    # This read began before the response to the cancellation.
    journal.add(Exchange(SHOP.read(PATH), 200, '{"status":"pending"}', seconds=0.2, ended=1.1))
    journal.add(Exchange(SHOP.read(path), outcome, body, seconds=0.1, ended=1.2))
    assert journal.violations == [f"GET {path}: {outcome} {body}"]


def test_a_failed_read_is_no_wrong_answer(journal: Journal) -> None:
    """During a fault, a read may get 503, or no response before the client's timeout."""
    for outcome in (503, "TimeoutError()"):
        journal.add(Exchange(SHOP.read(PATH), outcome, "", 0.1, 1.0))
    assert journal.violations == []

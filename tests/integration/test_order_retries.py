"""Idempotency keys: a request that is repeated has its effect once, and the same answer."""

import httpx2
import pytest

from tests.accounts import Account
from tests.integration.shop import (
    basket,
    edit,
    move,
    new_key,
    new_product,
    order,
    orders_of,
    replays,
    stock_of,
)
from tests.integration.wire import pointers, problem, statuses


def test_a_repeated_request_gets_the_first_answer_byte_for_byte(
    client: httpx2.Client, ahmed: Account, admin: Account
) -> None:
    """Whatever has become of product and order meanwhile; and nothing is taken twice."""
    product, key = new_product(client, admin, stock=5), new_key()
    first = order(client, ahmed, (product, 2), key=key)
    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first.headers
    replays(order(client, ahmed, (product, 2), key=key), first)
    move(client, admin, first.headers["Location"], "paid").raise_for_status()
    edit(client, admin, product, name="Renamed", stock=0).raise_for_status()
    replays(order(client, ahmed, (product, 2), key=key), first)
    assert stock_of(client, product) == 0
    assert len(orders_of(client, ahmed)) == 1


def test_the_first_answer_is_the_same_with_and_without_a_key(
    client: httpx2.Client, customer: Account, admin: Account
) -> None:
    """A key adds nothing that a client would see; without one, each request is an order."""
    product = new_product(client, admin)
    answers = [order(client, customer, (product, 1), key=key) for key in (None, new_key(), None)]
    assert statuses(answers) == {201: 3}
    assert len({answer.headers["Location"] for answer in answers}) == 3
    assert len({frozenset(answer.headers) for answer in answers}) == 1
    assert stock_of(client, product) == 7


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{}", '"{}"'),
        ('"{}"', "{}"),
        ('"{} with a blank"', '"{} with a blank"'),
        (r"{}\x", r'"{}\\x"'),
        (r'"{}\""', r'"{}\""'),
    ],
)
def test_a_key_is_the_same_in_quotes_and_without(
    client: httpx2.Client, customer: Account, admin: Account, one: str, other: str
) -> None:
    """Structured-field strings (RFC 9651, section 3.3.3) and what people type mean the same."""
    product, key = new_product(client, admin), new_key()
    first = order(client, customer, (product, 1), key=one.format(key))
    assert first.status_code == 201, first.text
    replays(order(client, customer, (product, 1), key=other.format(key)), first)


def test_a_key_for_another_body_gets_422(
    client: httpx2.Client, customer: Account, admin: Account
) -> None:
    """Other items, another quantity, another order of items: another request."""
    kettle, pot, key = new_product(client, admin), new_product(client, admin), new_key()
    first = order(client, customer, (kettle, 1), (pot, 1), key=key)
    assert first.status_code == 201
    for items in (((kettle, 1),), ((kettle, 1), (pot, 2)), ((pot, 1), (kettle, 1))):
        problem(order(client, customer, *items, key=key), 422, "idempotency-mismatch")
    assert (stock_of(client, kettle), stock_of(client, pot)) == (9, 9)
    replays(order(client, customer, (kettle, 1), (pot, 1), key=key), first)


def test_the_same_content_in_other_bytes_is_the_same_request(
    client: httpx2.Client, customer: Account, admin: Account
) -> None:
    """Blanks and the order of members are the client's library's choice, not the client's."""
    product, key = new_product(client, admin), new_key()
    first = order(client, customer, (product, 1), key=key)
    text = f' {{"items": [ {{"quantity": 1, "product_id": {product["id"]} }} ] }} '
    headers = {**customer.auth, "Content-Type": "application/json", "Idempotency-Key": key}
    replays(client.post(f"{customer.url}/orders", content=text, headers=headers), first)


def test_keys_belong_to_their_users(
    client: httpx2.Client, ahmed: Account, bettina: Account, admin: Account
) -> None:
    """Two people who think of the same key both get what they ordered."""
    product, key = new_product(client, admin), new_key()
    theirs = [order(client, who, (product, 1), key=key) for who in (ahmed, bettina)]
    assert statuses(theirs) == {201: 2}
    assert theirs[0].headers["Location"] != theirs[1].headers["Location"]
    assert not any("Idempotency-Replayed" in answer.headers for answer in theirs)


def test_an_administrator_cannot_replay_for_another_user(
    client: httpx2.Client, ahmed: Account, bettina: Account, admin: Account
) -> None:
    """The path is part of the request: under the same key, another user's is another one."""
    headers = {**admin.auth, "Idempotency-Key": new_key()}
    body = basket((new_product(client, admin), 1))
    first = client.post(f"{ahmed.url}/orders", json=body, headers=headers)
    assert first.status_code == 201
    assert first.json()["user_id"] == ahmed.id
    replays(client.post(f"{ahmed.url}/orders", json=body, headers=headers), first)
    other = client.post(f"{bettina.url}/orders", json=body, headers=headers)
    problem(other, 422, "idempotency-mismatch")


@pytest.mark.parametrize(
    "key",
    ["", '"', '""', '"open', 'open"', "two words", '"a"b', '"a";q=1', "é", '"é"', "x" * 256,
     f'"{"x" * 256}"', '"\\x"', "a\tb"],
)  # fmt: skip
def test_a_malformed_key_gets_400(
    client: httpx2.Client, customer: Account, admin: Account, key: str
) -> None:
    """1 to 255 visible characters, or a whole string in quotes; nothing is sold."""
    product = new_product(client, admin)
    headers = {**customer.auth, "Idempotency-Key": key}
    sent = httpx2.Headers(headers, encoding="utf-8")
    response = client.post(f"{customer.url}/orders", json=basket((product, 1)), headers=sent)
    problem(response, 400, "malformed-header")
    assert stock_of(client, product) == 10


def test_two_keys_get_400(client: httpx2.Client, customer: Account, admin: Account) -> None:
    """A request has one; which of two it would be is not for the service to guess."""
    product = new_product(client, admin)
    keys = [("Idempotency-Key", new_key()), ("Idempotency-Key", new_key())]
    headers = [*customer.auth.items(), *keys]
    response = client.post(f"{customer.url}/orders", json=basket((product, 1)), headers=headers)
    problem(response, 400, "malformed-header")
    assert stock_of(client, product) == 10


def test_a_key_of_255_characters_is_taken(
    client: httpx2.Client, customer: Account, admin: Account
) -> None:
    """In quotes, too, which do not count."""
    product, key = new_product(client, admin), "~" * 255
    first = order(client, customer, (product, 1), key=key)
    assert first.status_code == 201
    replays(order(client, customer, (product, 1), key=f'"{key}"'), first)


def test_what_is_refused_is_not_kept_under_the_key(
    client: httpx2.Client, ahmed: Account, admin: Account
) -> None:
    """Whoever corrects a refused order may send it under the same key."""
    product, key = new_product(client, admin, stock=0), new_key()
    assert pointers(order(client, ahmed, (product, 0), key=key)) == ["/items/0/quantity"]
    assert pointers(order(client, ahmed, ({"id": 2**62}, 1), key=key)) == ["/items/0/product_id"]
    problem(order(client, ahmed, (product, 1), key=key), 409, "out-of-stock")
    edit(client, admin, product, stock=1).raise_for_status()
    first = order(client, ahmed, (product, 1), key=key)
    assert first.status_code == 201
    replays(order(client, ahmed, (product, 1), key=key), first)

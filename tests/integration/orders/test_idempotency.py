"""Idempotency keys: a repeated request takes effect once, and gets the same response."""

import httpx2
import pytest

from tests.accounts import Account
from tests.integration.shop import (
    assert_replay,
    basket,
    edit,
    move,
    new_key,
    new_product,
    order,
    orders_of,
    stock_of,
)
from tests.integration.wire import pointers, problem, statuses


def test_a_repeated_request_gets_the_first_response_byte_for_byte(
    client: httpx2.Client, ahmed: Account, admin: Account
) -> None:
    """The replay is the same even if product and order have changed. Stock is taken only once."""
    product, key = new_product(client, admin, stock=5), new_key()
    first = order(client, ahmed, (product, 2), key=key)
    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first.headers
    assert_replay(order(client, ahmed, (product, 2), key=key), first)
    move(client, admin, first.headers["Location"], "paid").raise_for_status()
    edit(client, admin, product, name="Renamed", stock=0).raise_for_status()
    assert_replay(order(client, ahmed, (product, 2), key=key), first)
    assert stock_of(client, product) == 0
    assert len(orders_of(client, ahmed)) == 1


def test_the_first_response_is_the_same_with_and_without_a_key(
    client: httpx2.Client, customer: Account, admin: Account
) -> None:
    """A key adds no header. Without a key, each request places an order."""
    product = new_product(client, admin)
    responses = [order(client, customer, (product, 1), key=key) for key in (None, new_key(), None)]
    assert statuses(responses) == {201: 3}
    assert len({response.headers["Location"] for response in responses}) == 3
    assert len({frozenset(response.headers) for response in responses}) == 1
    assert stock_of(client, product) == 7


@pytest.mark.parametrize(
    ("first_form", "second_form"),
    [
        ("{}", '"{}"'),
        ('"{}"', "{}"),
        ('"{} with a blank"', '"{} with a blank"'),
        (r"{}\x", r'"{}\\x"'),
        (r'"{}\""', r'"{}\""'),
    ],
)
def test_a_key_is_the_same_with_and_without_quotes(
    client: httpx2.Client, customer: Account, admin: Account, first_form: str, second_form: str
) -> None:
    """A structured-field string (RFC 9651, section 3.3.3) equals the same key without quotes."""
    product, key = new_product(client, admin), new_key()
    first = order(client, customer, (product, 1), key=first_form.format(key))
    assert first.status_code == 201, first.text
    assert_replay(order(client, customer, (product, 1), key=second_form.format(key)), first)


def test_a_key_for_another_body_gets_422(
    client: httpx2.Client, customer: Account, admin: Account
) -> None:
    """Other items, another quantity or another sequence of items make a different body."""
    kettle, pot, key = new_product(client, admin), new_product(client, admin), new_key()
    first = order(client, customer, (kettle, 1), (pot, 1), key=key)
    assert first.status_code == 201
    for items in (((kettle, 1),), ((kettle, 1), (pot, 2)), ((pot, 1), (kettle, 1))):
        problem(order(client, customer, *items, key=key), 422, "idempotency-mismatch")
    assert (stock_of(client, kettle), stock_of(client, pot)) == (9, 9)
    assert_replay(order(client, customer, (kettle, 1), (pot, 1), key=key), first)


def test_the_same_json_in_other_bytes_is_the_same_request(
    client: httpx2.Client, customer: Account, admin: Account
) -> None:
    """Spaces and the sequence of members do not count, because JSON libraries may change them."""
    product, key = new_product(client, admin), new_key()
    first = order(client, customer, (product, 1), key=key)
    text = f' {{"items": [ {{"quantity": 1, "product_id": {product["id"]} }} ] }} '
    headers = {**customer.auth, "Content-Type": "application/json", "Idempotency-Key": key}
    assert_replay(client.post(f"{customer.url}/orders", content=text, headers=headers), first)


def test_each_user_has_their_own_keys(
    client: httpx2.Client, ahmed: Account, bettina: Account, admin: Account
) -> None:
    """Two users with the same key each get their own order."""
    product, key = new_product(client, admin), new_key()
    responses = [order(client, account, (product, 1), key=key) for account in (ahmed, bettina)]
    assert statuses(responses) == {201: 2}
    assert responses[0].headers["Location"] != responses[1].headers["Location"]
    assert not any("Idempotency-Replayed" in response.headers for response in responses)


def test_an_administrator_cannot_replay_for_another_user(
    client: httpx2.Client, ahmed: Account, bettina: Account, admin: Account
) -> None:
    """The path is part of the request, so the same key with another user's path is a mismatch."""
    headers = {**admin.auth, "Idempotency-Key": new_key()}
    body = basket((new_product(client, admin), 1))
    first = client.post(f"{ahmed.url}/orders", json=body, headers=headers)
    assert first.status_code == 201
    assert first.json()["user_id"] == ahmed.id
    assert_replay(client.post(f"{ahmed.url}/orders", json=body, headers=headers), first)
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
    """A valid key has 1 to 255 visible characters, or is a complete quoted string.

    With any other key, no order is placed.
    """
    product = new_product(client, admin)
    headers = {**customer.auth, "Idempotency-Key": key}
    sent = httpx2.Headers(headers, encoding="utf-8")
    response = client.post(f"{customer.url}/orders", json=basket((product, 1)), headers=sent)
    problem(response, 400, "malformed-header")
    assert stock_of(client, product) == 10


def test_two_keys_get_400(client: httpx2.Client, customer: Account, admin: Account) -> None:
    """The service cannot know which of the two keys is meant."""
    product = new_product(client, admin)
    keys = [("Idempotency-Key", new_key()), ("Idempotency-Key", new_key())]
    headers = [*customer.auth.items(), *keys]
    response = client.post(f"{customer.url}/orders", json=basket((product, 1)), headers=headers)
    problem(response, 400, "malformed-header")
    assert stock_of(client, product) == 10


def test_a_key_of_255_characters_is_accepted(
    client: httpx2.Client, customer: Account, admin: Account
) -> None:
    """The quotes around a key do not count."""
    product, key = new_product(client, admin), "~" * 255
    first = order(client, customer, (product, 1), key=key)
    assert first.status_code == 201
    assert_replay(order(client, customer, (product, 1), key=f'"{key}"'), first)


def test_a_refused_request_is_not_stored_under_its_key(
    client: httpx2.Client, ahmed: Account, admin: Account
) -> None:
    """A client can correct a refused order and send it with the same key."""
    product, key = new_product(client, admin, stock=0), new_key()
    assert pointers(order(client, ahmed, (product, 0), key=key)) == ["/items/0/quantity"]
    assert pointers(order(client, ahmed, ({"id": 2**62}, 1), key=key)) == ["/items/0/product_id"]
    problem(order(client, ahmed, (product, 1), key=key), 409, "out-of-stock")
    edit(client, admin, product, stock=1).raise_for_status()
    first = order(client, ahmed, (product, 1), key=key)
    assert first.status_code == 201
    assert_replay(order(client, ahmed, (product, 1), key=key), first)

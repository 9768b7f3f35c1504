"""Keys of cached reads: two reads that differ in any parameter never share an entry."""

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from app.adapters.cursors import Cursors
from app.models.cached_reads import CachedBody, read_key
from app.repositories.database import Transaction
from app.schemas.bodies import Representation
from app.services.orders import OrderService
from app.services.products import ProductService
from app.services.users import UserService
from app.settings import TokenSettings
from app.settings.types import signing_keys
from app.store import Store
from lab.stack.config.secrets import signing_key

_Parameters = dict[str, str | int | None]


class _KeysOfReads(Store):
    """A store that returns the key of a read instead of the cached entry."""

    def __init__(self) -> None:
        """Use neither Redis nor PostgreSQL."""

    async def read(
        self,
        tag: str,
        variant: str | None,
        load: Callable[[Transaction], Awaitable[Representation]],
    ) -> CachedBody:
        """Return the key as the body."""
        assert callable(load)
        return CachedBody(json.dumps([tag, variant]).encode(), "hit", tag, None)


_CURSORS = Cursors(
    TokenSettings.model_construct(token_signing_key=signing_keys(signing_key()), token_lifetime=900)
)
_STORE = _KeysOfReads()
_UNUSED: Any = None
_PRODUCTS, _ORDERS = ProductService(_STORE, _CURSORS), OrderService(_STORE, _CURSORS)
_USERS = UserService(_STORE, _UNUSED, _UNUSED, _UNUSED, _CURSORS)


def _cursor(
    row_id: int | None, limit: int, name: str, **parameters: str | int | None
) -> str | None:
    if row_id is None:
        return None
    return _CURSORS.of(name, **parameters).encode(row_id, limit)


async def _read_products(row_id: int | None, limit: int) -> CachedBody:
    cursor = _cursor(row_id, limit, "products")
    return await _PRODUCTS.list_products(cursor=cursor, limit=limit)


async def _read_orders(
    user_id: int,
    status: Any,
    row_id: int | None,
    limit: int,
) -> CachedBody:
    cursor = _cursor(row_id, limit, "orders", user_id=user_id, status=status)
    return await _ORDERS.list_orders(user_id, cursor=cursor, limit=limit, status=status)


_IDS = st.integers(min_value=1, max_value=30) | st.integers(min_value=1, max_value=2**63 - 1)
_LIMITS = st.integers(min_value=1, max_value=100)
# No row has the id 0. But a list after row 0 must have another key than a list without cursor.
_ROWS = st.none() | st.just(0) | _IDS
_STATUSES = st.sampled_from([None, "pending", "paid", "shipped", "cancelled"])
_READS: dict[Callable[..., Any], tuple[Callable[..., Any], st.SearchStrategy[tuple[Any, ...]]]] = {
    ProductService.read: (_PRODUCTS.read, st.tuples(_IDS)),
    ProductService.list_products: (_read_products, st.tuples(_ROWS, _LIMITS)),
    UserService.read: (_USERS.read, st.tuples(_IDS)),
    OrderService.read: (_ORDERS.read, st.tuples(_IDS, _IDS)),
    OrderService.list_orders: (_read_orders, st.tuples(_IDS, _STATUSES, _ROWS, _LIMITS)),
}
_READS_OF_EACH_METHOD = [
    st.tuples(st.just(method), parameters) for method, (_, parameters) in _READS.items()
]
_ANY_READ = st.one_of(_READS_OF_EACH_METHOD)
_Read = tuple[Callable[..., Any], tuple[Any, ...]]


def _key(read: _Read) -> bytes:
    method, parameters = read
    body: CachedBody = asyncio.run(_READS[method][0](*parameters))
    return body.body


def test_every_cached_read_is_listed() -> None:
    """If this test fails, add the new cached read and its parameters to `_READS`."""
    services = (ProductService, UserService, OrderService)
    cached = {
        method
        for service in services
        for _, method in inspect.getmembers(service, inspect.isfunction)
        if inspect.signature(method).return_annotation is CachedBody
    }
    assert cached == set(_READS)


@given(_ANY_READ, _ANY_READ)
@example(
    (OrderService.list_orders, (1, None, None, 20)), (OrderService.list_orders, (1, None, 0, 20))
)
@example((ProductService.list_products, (None, 20)), (ProductService.list_products, (0, 20)))
@example((OrderService.list_orders, (1, None, 11, 1)), (OrderService.list_orders, (1, None, 1, 11)))
@example((OrderService.read, (1, 20)), (OrderService.list_orders, (1, None, None, 20)))
@example((ProductService.read, (1,)), (UserService.read, (1,)))
def test_two_reads_share_a_key_only_if_all_their_parameters_are_equal(
    one: _Read, other: _Read
) -> None:
    """A key is the tag and the variant of a read. The two may be reads of different methods."""
    assert (_key(one) == _key(other)) == (one == other)  # check 44


@given(st.data())
def test_a_change_of_one_parameter_changes_the_key(data: st.DataObject) -> None:
    """The two reads call the same method. All parameters except the changed one are equal."""
    reads = data.draw(st.sampled_from(_READS_OF_EACH_METHOD))
    (method, parameters), (_, others) = data.draw(reads), data.draw(reads)
    position = data.draw(st.integers(0, len(parameters) - 1))
    changed = (*parameters[:position], others[position], *parameters[position + 1 :])
    same = parameters[position] == others[position]
    assert (_key((method, parameters)) == _key((method, changed))) == same  # check 44


_NAMES = st.sampled_from(["a", "b", "ab", "status"])
_PARAMETERS = st.dictionaries(_NAMES, st.none() | st.integers() | st.text(max_size=9))


@given(_NAMES, _PARAMETERS, _NAMES, _PARAMETERS)
@example("a", {"a": None}, "a", {"a": ""})
@example("a", {"a": 0}, "a", {"a": "0"})
@example("a", {"a": None}, "a", {"a": "null"})
@example("a", {"a": 'x", "b": "y'}, "a", {"a": "x", "b": "y"})
@example("a", {"a": "\ud800"}, "a", {"a": "\\ud800"})
@example("a", {"a": None}, "a", {})
@example("a", {"a": 1, "b": 2}, "a", {"b": 2, "a": 1})
def test_read_keys_are_equal_only_for_the_same_name_and_parameters(
    name: str, parameters: _Parameters, other_name: str, others: _Parameters
) -> None:
    """Missing, zero and empty values differ. The order of the parameters makes no difference.

    A separator in a text does not separate parameters.
    """
    same = (name, parameters) == (other_name, others)
    assert (read_key(name, **parameters) == read_key(other_name, **others)) == same  # check 44

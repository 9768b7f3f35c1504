"""Orders: stock, totals, and idempotent requests."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

from app.adapters.cursors import Cursors, is_in_sequence
from app.errors import (
    Forbidden,
    IdempotencyInFlight,
    IdempotencyMismatch,
    NotFound,
    OutOfStock,
    existing,
    unknown_product,
)
from app.models import (
    IdempotencyKey,
    Order,
    OrderLine,
    OrderPageQuery,
    OrderStatus,
    Principal,
)
from app.models.cached_reads import PRODUCTS_TAG, CachedBody, orders_tag, product_tag, read_key
from app.repositories.database import Transaction
from app.schemas.bodies import Rows
from app.schemas.orders import OrderCreate, OrderItem, OrderPage, OrderRead, Status
from app.schemas.preconditions import EntityTags, require_match
from app.store import Store
from app.tracing import staged_methods

_ROUTE = "POST /api/users/{user_id}/orders"
_KEY_LIFETIME = timedelta(hours=24)


@dataclass(frozen=True)
class OrderResponse:
    """The response to an order. A repeated request gets exactly the same bytes."""

    body: bytes
    location: str
    replayed: bool


@dataclass(frozen=True)
class _KeyedRequest:
    """An idempotency key, with its owner and the hash of the user id and the body."""

    caller_id: int
    key: str
    request_hash: bytes


@staged_methods("service")
class OrderService:
    """Places and reads orders, and changes their status."""

    def __init__(self, store: Store, cursors: Cursors) -> None:
        self._store = store
        self._cursors = cursors

    async def place(
        self, user_id: int, new: OrderCreate, *, caller: Principal, key: str | None
    ) -> OrderResponse:
        """Order all items or none, once for each idempotency key of the caller.

        A key is stored for 24 hours, and only for an order that succeeds.

        Raises `NotFound` for an unknown user, `Invalid` for an unknown product, and `OutOfStock`.
        Raises `InvalidToken` or `InvalidSession` if the caller's account was erased after the
        caller was authenticated. Raises `IdempotencyMismatch` if the caller has used the key for
        another order, and `IdempotencyInFlight` if another request with the key is still in
        progress.
        """
        keyed = None
        if key is not None:
            content = f"{user_id} {new.model_dump_json()}"
            keyed = _KeyedRequest(caller.user_id, key, hashlib.sha256(content.encode()).digest())
        return await self._store.write(partial(_place, user_id, new.items, caller, keyed))

    async def read(self, user_id: int, order_id: int) -> CachedBody:
        """Return one order of a user. Raises `NotFound`."""

        async def load(tx: Transaction) -> OrderRead:
            return OrderRead.of(existing(await tx.orders.get(order_id, user_id=user_id)))

        variant = read_key("order", order_id=order_id)
        return await self._store.read(orders_tag(user_id), variant, load)

    async def read_many(self, order_ids: list[int], *, caller: Principal) -> list[OrderRead | None]:
        """Return one item for each id: the order, or None.

        An item is None if the order does not exist, or if the caller must not see the order.
        """
        # If the caller is not an administrator, the statement finds only the caller's orders. So
        # the order of another user takes the same time as a missing order.
        user_id = None if caller.is_admin else caller.user_id
        async with self._store.uncached() as tx:
            orders = await tx.orders.list_by_ids(order_ids, user_id=user_id)
        found = {it.id: OrderRead.of(it) for it in orders}
        return [found.get(it) for it in order_ids]

    def page_query(
        self, user_id: int, *, cursor: str | None, limit: int, status: OrderStatus | None
    ) -> OrderPageQuery:
        """Describe one page for `list_pages`. Raises `MalformedCursor`."""
        before = self._cursors.of("orders", user_id=user_id, status=status).decode(cursor)
        return OrderPageQuery(user_id, status, before.row_id if before else None, limit)

    async def list_pages(self, queries: Sequence[OrderPageQuery]) -> list[Rows[OrderRead]]:
        """Return several pages of orders at once, without the cache. Each row has a cursor.

        The number of statements is at most three, however many pages there are.
        """
        with_next = [query._replace(limit=query.limit + 1) for query in queries]
        async with self._store.uncached() as tx:
            found = await tx.orders.list_pages(with_next)
        return [
            Rows.cut(
                [OrderRead.of(order) for order in orders],
                query.limit,
                self._cursors.of("orders", user_id=query.user_id, status=query.status).after_row,
            )
            for query, orders in zip(queries, found, strict=True)
        ]

    async def list_orders(
        self, user_id: int, *, cursor: str | None, limit: int, status: Status | None
    ) -> CachedBody:
        """Return up to `limit` of a user's orders after `cursor`, newest first.

        Raises `MalformedCursor`.
        """
        cursors = self._cursors.of("orders", user_id=user_id, status=status)
        before = cursors.decode(cursor)
        row_id = before.row_id if before else None

        async def load(tx: Transaction) -> OrderPage:
            orders = await tx.orders.list_for_user(
                user_id, before=row_id, limit=limit + 1, status=status
            )
            rows = [OrderRead.of(order) for order in orders]
            return OrderPage.cut(rows, limit, cursors.following(before, limit))

        variant = None
        if is_in_sequence(before, limit):
            variant = read_key("page", status=status, before=row_id, limit=limit)
        return await self._store.read(orders_tag(user_id), variant, load)

    async def change_status(
        self,
        user_id: int,
        order_id: int,
        status: Status,
        expected: EntityTags | None,
        *,
        by_admin: bool,
    ) -> OrderRead:
        """Change the status of an order. A cancelled order returns its pieces to stock.

        Raises `NotFound`, `Forbidden`, `PreconditionRequired`, `PreconditionFailed` and
        `InvalidTransition`.
        """

        async def work(tx: Transaction) -> OrderRead:
            order = existing(await tx.orders.get_to_change(order_id, user_id=user_id))
            if status is not OrderStatus.CANCELLED and not by_admin:
                raise Forbidden
            require_match(expected, OrderRead.of(order).etag())
            order.move_to(status)
            order = await tx.orders.save(order)
            if status is OrderStatus.CANCELLED:
                await tx.products.give_back(
                    {line.product_id: line.quantity for line in order.lines}
                )
            return OrderRead.of(order)

        return await self._store.write(work)


async def _place(
    user_id: int,
    items: list[OrderItem],
    caller: Principal,
    keyed: _KeyedRequest | None,
    tx: Transaction,
) -> OrderResponse:
    if keyed is not None and (earlier := await _earlier_response(tx, keyed)):
        # The process of the first request may have been killed after the commit and before the
        # invalidation, so this request invalidates the same tags.
        products = (product_tag(item.product_id) for item in items)
        tx.invalidate(orders_tag(user_id), PRODUCTS_TAG, *products)
        return earlier
    await _lock_against_erasure(tx, user_id, caller)
    try:
        response = _response_to(await _buy(tx, user_id, items))
    except OutOfStock:
        # An earlier request with this key may have taken the stock, and may have committed while
        # this transaction claimed the key. If this transaction returned the stored response, it
        # would commit the pieces that it took. So it raises an error and rolls back. The client's
        # next attempt gets the stored response.
        if keyed is not None and await _earlier_response(tx, keyed):
            raise IdempotencyInFlight from None
        raise
    if keyed is not None:
        await _store_response(tx, keyed, response)
    return response


async def _lock_against_erasure(tx: Transaction, user_id: int, caller: Principal) -> None:
    # Another process may have erased an account while its session is still in this process's
    # session cache. The lock makes an erasure wait until this transaction ends.
    for account_id in sorted({user_id, caller.user_id}):
        if not await tx.users.lock_against_erasure(account_id):
            raise caller.session_ended_error() if account_id == caller.user_id else NotFound()


async def _buy(tx: Transaction, user_id: int, items: list[OrderItem]) -> Order:
    taken = await tx.products.take({item.product_id: item.quantity for item in items})
    for position, item in enumerate(items):
        if item.product_id not in taken:
            raise await _error_for(tx, position, item)
    lines = [
        OrderLine(
            product_id=item.product_id,
            name=taken[item.product_id].name,
            quantity=item.quantity,
            unit_price=taken[item.product_id].price,
        )
        for item in items
    ]
    total = sum((line.unit_price * line.quantity for line in lines), Decimal(0))
    return await tx.orders.add(user_id=user_id, total=total, lines=lines)


async def _error_for(tx: Transaction, position: int, item: OrderItem) -> Exception:
    pointer = f"/items/{position}/product_id"
    if await tx.products.get(item.product_id) is None:
        return unknown_product(pointer)
    return OutOfStock(pointer)


async def _earlier_response(tx: Transaction, keyed: _KeyedRequest) -> OrderResponse | None:
    now = datetime.now(UTC)
    earlier = await tx.idempotency_keys.claim(keyed.caller_id, _ROUTE, keyed.key, now=now)
    if earlier is None:
        return None
    if earlier.request_hash != keyed.request_hash:
        raise IdempotencyMismatch
    return OrderResponse(earlier.body, earlier.location, replayed=True)


async def _store_response(tx: Transaction, keyed: _KeyedRequest, response: OrderResponse) -> None:
    now = datetime.now(UTC)
    stored = IdempotencyKey(
        user_id=keyed.caller_id,
        route=_ROUTE,
        key=keyed.key,
        request_hash=keyed.request_hash,
        location=response.location,
        body=response.body,
        expires_at=now + _KEY_LIFETIME,
    )
    await tx.idempotency_keys.add(stored, now=now)


def _response_to(order: Order) -> OrderResponse:
    location = f"/api/users/{order.user_id}/orders/{order.id}"
    return OrderResponse(OrderRead.of(order).to_bytes(), location, replayed=False)

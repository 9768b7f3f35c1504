"""The context that the resolvers of one request share."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Self, TypeVar, cast

from aiodataloader import DataLoader

from app.container import Container
from app.errors import NotFound, existing
from app.graphql.resolvers.ids import number_of
from app.http.request_state import RequestState
from app.http.signed_in import signed_in
from app.models import OrderPageQuery, Principal
from app.schemas.bodies import Rows
from app.schemas.orders import OrderRead
from app.schemas.products import ProductRead
from app.schemas.users import UserRead

_T = TypeVar("_T")
_Key = TypeVar("_Key")
_Read = Callable[[list[_Key]], Awaitable[list[_T]]]


class Context:
    """The services, the signed-in user, and the loaders of one request.

    A loader collects the ids that several resolvers ask for, and reads them with one call of a
    service. It reads each id once. So the number of SQL statements does not grow with the number of
    rows. At the end of the `with` block, all reads that still run are cancelled.
    """

    def __init__(self, container: Container, state: RequestState) -> None:
        self.users = container.users
        self.products = container.products
        self.orders = container.orders
        self._sessions = container.sessions
        self.state = state
        self.replayed = False
        """Whether an earlier request with the same idempotency key has placed the order."""
        self._reads = set[asyncio.Task[Any]]()
        self.forget_reads()

    def __enter__(self) -> Self:
        """Return this context."""
        return self

    def __exit__(self, *_: object) -> None:
        """Cancel the reads that still run."""
        for read in self._reads:
            read.cancel()

    def _loader(self, read: _Read[_Key, _T]) -> DataLoader[_Key, _T]:
        return DataLoader(partial(self._run, read))

    async def _run(self, read: _Read[_Key, _T], keys: list[_Key]) -> list[_T]:
        # `DataLoader` starts a task for each batch. A cancellation of the request does not cancel
        # this task, so `__exit__` cancels it.
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._reads.add(task)
        task.add_done_callback(self._reads.discard)
        return await read(keys)

    def forget_reads(self) -> None:
        """Begin with empty loaders. Each mutation calls this, because loaded rows become stale."""
        self._users = self._loader(self.users.read_many)
        self._products = self._loader(self.products.read_many)
        self._orders = self._loader(self._read_orders)
        self._order_pages = self._loader(self.orders.list_pages)

    async def caller(self) -> Principal:
        """Return the signed-in user. Raises `Unauthenticated`."""
        return await signed_in(self.state, self._sessions)

    async def visible_user_id(self, user_id: int) -> int:
        """Return the id if the caller may see this account.

        Raises `Unauthenticated`. If the caller must not see the account, raises `NotFound`, as if
        the account did not exist.
        """
        if not (await self.caller()).may_see(user_id):
            raise NotFound
        return user_id

    async def account_to_change(self, text: str | None) -> int:
        """Return the user id of the account that a mutation changes.

        `text` is the id in the graph; None means the caller's own account. Raises
        `Unauthenticated`, and `NotFound` if the caller must not see the account.
        """
        if text is None:
            return (await self.caller()).user_id
        return await self.visible_user_id(number_of(text, "User"))

    async def user(self, user_id: int) -> UserRead:
        """Return an account. Raises `NotFound`."""
        return existing(await self._users.load(user_id))

    async def product(self, product_id: int) -> ProductRead:
        """Return a product. Raises `NotFound`."""
        return existing(await self._products.load(product_id))

    async def order(self, order_id: int) -> OrderRead:
        """Return an order that the caller may see. Raises `Unauthenticated` and `NotFound`."""
        await self.caller()
        return existing(await self._orders.load(order_id))

    async def order_page(self, query: OrderPageQuery) -> Rows[OrderRead]:
        """Return a page of a user's orders."""
        return await self._order_pages.load(query)

    async def _read_orders(self, order_ids: list[int]) -> list[OrderRead | None]:
        return await self.orders.read_many(order_ids, caller=await self.caller())

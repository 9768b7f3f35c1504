"""Orders with their lines, as rows."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Integer,
    Numeric,
    Select,
    String,
    any_,
    bindparam,
    func,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import array

from app.models import Order, OrderLine, OrderPageQuery, OrderStatus
from app.models.cached_reads import orders_tag
from app.repositories.postgres.executor import Executor
from app.repositories.postgres.statements import Statement, columns_of, parameters
from app.repositories.tables import ORDER_LINES, ORDERS

_COLUMNS: Final = columns_of(ORDERS, Order)
_MAX_ID: Final = 2**63 - 1


def _tags(order: Order) -> Iterable[str]:
    return (orders_tag(order.user_id),)


def _line(order_id: int, *columns: Any) -> tuple[int, OrderLine]:  # noqa: ANN401 - the columns of a row
    return order_id, OrderLine(*columns)


_PLACED: Final = (
    insert(ORDERS).values(parameters(ORDERS, "user_id", "status", "total")).returning(*_COLUMNS)
).cte("placed")
_NEW_LINES: Final = (
    func.unnest(
        bindparam("product_ids", type_=ARRAY(BigInteger)),
        bindparam("names", type_=ARRAY(String)),
        bindparam("quantities", type_=ARRAY(Integer)),
        bindparam("unit_prices", type_=ARRAY(Numeric)),
    )
    .table_valued("product_id", "name", "quantity", "unit_price", with_ordinality="position")
    .render_derived(name="line")
)
_INSERTED_LINES: Final = (
    insert(ORDER_LINES)
    .from_select(
        ["order_id", "position", "product_id", "name", "quantity", "unit_price"],
        select(
            _PLACED.c.id,
            _NEW_LINES.c.position - 1,
            *(_NEW_LINES.c[name] for name in ("product_id", "name", "quantity", "unit_price")),
        ),
    )
    .cte("lines")
)
_ADD: Final = Statement(
    select(*(_PLACED.c[column.name] for column in _COLUMNS)).add_cte(_INSERTED_LINES),
    Order,
    tags=_tags,
)
_HAS_ID: Final = ORDERS.c.id == bindparam("order_id")
_SELECT_ONE: Final = select(*_COLUMNS).where(_HAS_ID, ORDERS.c.user_id == bindparam("user_id"))
_BY_ID: Final = Statement(_SELECT_ONE, Order)
_BY_ID_TO_CHANGE: Final = Statement(_SELECT_ONE.with_for_update(key_share=True), Order, tags=_tags)
_LINES: Final = Statement(
    select(ORDER_LINES.c.order_id, *columns_of(ORDER_LINES, OrderLine))
    .where(ORDER_LINES.c.order_id == any_(bindparam("order_ids", type_=ARRAY(BigInteger))))
    .order_by(ORDER_LINES.c.order_id, ORDER_LINES.c.position),
    _line,
)
_SAVE: Final = Statement(
    update(ORDERS)
    .where(_HAS_ID)
    .values(**parameters(ORDERS, "status"), updated_at=func.clock_timestamp())
    .returning(*_COLUMNS),
    Order,
    tags=_tags,
)
# `= ANY(array)` and the sort by user make PostgreSQL use an index that begins with the user. With
# `=`, PostgreSQL may scan the primary key instead if the user has more than a few percent of all
# orders. Such a scan also reads the orders of other users, and skips them.
_SELECT_PAGE: Final = (
    select(*_COLUMNS)
    .where(
        ORDERS.c.user_id == any_(bindparam("user_ids", type_=ARRAY(BigInteger))),
        ORDERS.c.id < bindparam("before"),
    )
    .order_by(ORDERS.c.user_id.desc(), ORDERS.c.id.desc())
    .limit(bindparam("limit"))
)
_PAGE: Final = Statement(_SELECT_PAGE, Order)
_PAGE_WITH_STATUS: Final = Statement(
    _SELECT_PAGE.where(ORDERS.c.status == bindparam("status")), Order
)
_SELECT_BY_IDS: Final = select(*_COLUMNS).where(
    ORDERS.c.id == any_(bindparam("order_ids", type_=ARRAY(BigInteger)))
)
_BY_IDS: Final = Statement(_SELECT_BY_IDS, Order)
_BY_IDS_OF_USER: Final = Statement(
    _SELECT_BY_IDS.where(ORDERS.c.user_id == bindparam("user_id")), Order
)


def _select_pages(*, with_status: bool) -> Select[Any]:
    """Return the query of several pages at once. Each row begins with the position of its page."""
    status = {"statuses": bindparam("statuses", type_=ARRAY(String))} if with_status else {}
    wanted = (
        func.unnest(
            bindparam("user_ids", type_=ARRAY(BigInteger)),
            bindparam("befores", type_=ARRAY(BigInteger)),
            bindparam("limits", type_=ARRAY(Integer)),
            *status.values(),
        )
        .table_valued("user_id", "before", "limit", *status, with_ordinality="position")
        .render_derived(name="wanted")
    )
    page = (
        select(*_COLUMNS)
        # The comment on `_SELECT_PAGE` explains `= ANY(array)` and the sort by user.
        .where(ORDERS.c.user_id == any_(array([wanted.c.user_id])), ORDERS.c.id < wanted.c.before)
        .where(*(ORDERS.c.status == wanted.c[name] for name in status))
        .order_by(ORDERS.c.user_id.desc(), ORDERS.c.id.desc())
        .limit(wanted.c.limit)
        .lateral("page")
    )
    return (
        select(wanted.c.position, *page.c)
        .select_from(wanted.join(page, true()))
        .order_by(wanted.c.position, page.c.id.desc())
    )


def _numbered(position: int, *columns: Any) -> tuple[int, Order]:  # noqa: ANN401 - the columns of a row
    return position, Order(*columns)


_PAGES: Final = Statement(_select_pages(with_status=False), _numbered)
_PAGES_WITH_STATUS: Final = Statement(_select_pages(with_status=True), _numbered)


class OrderRepository:
    """Stores orders."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def add(self, *, user_id: int, total: Decimal, lines: Sequence[OrderLine]) -> Order:
        """Insert a new order and its lines."""
        order = await self._executor.fetch_row(
            _ADD,
            user_id=user_id,
            status=OrderStatus.PENDING,
            total=total,
            product_ids=[line.product_id for line in lines],
            names=[line.name for line in lines],
            quantities=[line.quantity for line in lines],
            unit_prices=[line.unit_price for line in lines],
        )
        order.lines.extend(lines)
        return order

    async def get(self, order_id: int, *, user_id: int) -> Order | None:
        """Find an order of this user, with its lines."""
        order = await self._executor.fetch_one(_BY_ID, order_id=order_id, user_id=user_id)
        return await self._with_lines(order)

    async def get_to_change(self, order_id: int, *, user_id: int) -> Order | None:
        """Find an order as `get` does, lock it, and invalidate its cached reads."""
        order = await self._executor.fetch_one(_BY_ID_TO_CHANGE, order_id=order_id, user_id=user_id)
        return await self._with_lines(order)

    async def list_for_user(
        self, user_id: int, *, before: int | None, limit: int, status: OrderStatus | None
    ) -> list[Order]:
        """List up to `limit` orders with ids below `before`, newest first, with their lines."""
        page = {"user_ids": [user_id], "before": before or _MAX_ID, "limit": limit}
        if status is None:
            orders = await self._executor.fetch_all(_PAGE, **page)
        else:
            orders = await self._executor.fetch_all(_PAGE_WITH_STATUS, **page, status=status)
        await self._add_lines(orders)
        return orders

    async def list_by_ids(self, order_ids: Collection[int], *, user_id: int | None) -> list[Order]:
        """Find the user's orders with these ids, and their lines.

        If `user_id` is None, find the orders of all users. The result is not sorted.
        """
        values = {"order_ids": list(order_ids)}
        if user_id is None:
            orders = await self._executor.fetch_all(_BY_IDS, **values)
        else:
            orders = await self._executor.fetch_all(_BY_IDS_OF_USER, **values, user_id=user_id)
        await self._add_lines(orders)
        return orders

    async def list_pages(self, queries: Sequence[OrderPageQuery]) -> list[list[Order]]:
        """List several pages at once, with the lines of all orders.

        The number of statements is at most three, however many pages there are.
        """
        pages: dict[OrderPageQuery, list[Order]] = {query: [] for query in queries}
        for with_status, statement in ((False, _PAGES), (True, _PAGES_WITH_STATUS)):
            wanted = [it for it in pages if (it.status is not None) is with_status]
            if wanted:
                statuses = {"statuses": [it.status for it in wanted]} if with_status else {}
                rows = await self._executor.fetch_all(
                    statement,
                    user_ids=[it.user_id for it in wanted],
                    befores=[it.before or _MAX_ID for it in wanted],
                    limits=[it.limit for it in wanted],
                    **statuses,
                )
                for position, order in rows:
                    pages[wanted[position - 1]].append(order)
        await self._add_lines([order for orders in pages.values() for order in orders])
        return [pages[query] for query in queries]

    async def save(self, order: Order) -> Order:
        """Update the status, and return the updated order."""
        saved = await self._executor.fetch_row(_SAVE, order_id=order.id, status=order.status)
        saved.lines.extend(order.lines)
        return saved

    async def _with_lines(self, order: Order | None) -> Order | None:
        if order is not None:
            await self._add_lines([order])
        return order

    async def _add_lines(self, orders: list[Order]) -> None:
        lines: defaultdict[int, list[OrderLine]] = defaultdict(list)
        order_ids = {order.id for order in orders}
        if order_ids:
            for order_id, line in await self._executor.fetch_all(_LINES, order_ids=list(order_ids)):
                lines[order_id].append(line)
        # An order may be in several pages.
        for order in orders:
            order.lines.extend(lines[order.id])

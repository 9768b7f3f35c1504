"""Orders with their lines, as rows."""

from sqlalchemy import ARRAY, BigInteger, Select, any_, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from app.models import Order, OrderStatus
from app.tracing import located


@located
class OrderRepository:
    """Finds and keeps orders within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, order: Order) -> Order:
        """Insert a new order and its lines."""
        self._session.add(order)
        await self._session.flush()
        return order

    async def get(self, order_id: int, *, user_id: int) -> Order | None:
        """Find an order of this user, with its lines."""
        return await self._session.scalar(_with_lines(order_id, user_id))

    async def get_locked(self, order_id: int, *, user_id: int) -> Order | None:
        """Find it, and let nobody else change it until the transaction ends."""
        query = _with_lines(order_id, user_id).with_for_update(key_share=True, of=Order)
        return await self._session.scalar(query)

    async def list_for_user(
        self, user_id: int, *, before: int | None, limit: int, status: OrderStatus | None
    ) -> list[Order]:
        """List up to `limit` orders with their lines, newest first, from before `before` on."""
        # As one of a list of one, and sorted by user too, so that only an index that begins with
        # the user will do. For `=` PostgreSQL may prefer to walk the primary key, past all that
        # others have bought since, when this user has more than a few in a hundred of all orders.
        users = literal([user_id], ARRAY(BigInteger))
        query = select(Order).where(Order.user_id == any_(users))
        if status is not None:
            query = query.where(Order.status == status)
        if before is not None:
            query = query.where(Order.id < before)
        query = query.order_by(Order.user_id.desc(), Order.id.desc()).limit(limit)
        return list(await self._session.scalars(query.options(selectinload(Order.lines))))

    async def flush(self) -> None:
        """Write what has changed."""
        await self._session.flush()


def _with_lines(order_id: int, user_id: int) -> Select[Order]:
    query = select(Order).where(Order.id == order_id, Order.user_id == user_id)
    return query.options(selectinload(Order.lines))

"""Orders, their lines and their status."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from app.errors import InvalidTransition


class OrderStatus(StrEnum):
    """The status of an order."""

    PENDING = "pending"
    PAID = "paid"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


_NEXT = {
    OrderStatus.PENDING: {OrderStatus.PAID, OrderStatus.CANCELLED},
    OrderStatus.PAID: {OrderStatus.SHIPPED, OrderStatus.CANCELLED},
    OrderStatus.SHIPPED: set[OrderStatus](),
    OrderStatus.CANCELLED: set[OrderStatus](),
}


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One product of an order, with name and price at the time of the order."""

    product_id: int
    name: str
    quantity: int
    unit_price: Decimal


class OrderPageQuery(NamedTuple):
    """One page of a user's orders, newest first."""

    user_id: int
    status: OrderStatus | None
    """Only orders with this status; None for all."""
    before: int | None
    """Only orders with smaller ids; None for the first page."""
    limit: int


@dataclass(slots=True)
class Order:
    """One purchase. Its status changes: pending → paid → shipped; pending or paid → cancelled."""

    id: int
    user_id: int
    status: OrderStatus
    total: Decimal
    created_at: datetime
    updated_at: datetime
    lines: list[OrderLine] = field(default_factory=list)

    def move_to(self, status: OrderStatus) -> None:
        """Change the status. Raises `InvalidTransition` if the order cannot get this status."""
        if status not in _NEXT[self.status]:
            raise InvalidTransition(
                f"An order that is {self.status} cannot become {status}."
                if status is not self.status
                else f"The order is {self.status} already."
            )
        self.status = status

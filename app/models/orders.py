"""What was sold, to whom, at which price, and how far it has come."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from app.errors import InvalidTransition


class OrderStatus(StrEnum):
    """How far an order has come."""

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
    """One product within an order; name and price as they were when it was placed."""

    product_id: int
    name: str
    quantity: int
    unit_price: Decimal


@dataclass(slots=True)
class Order:
    """One purchase. pending → paid → shipped; pending or paid → cancelled."""

    id: int
    user_id: int
    status: OrderStatus
    total: Decimal
    created_at: datetime
    updated_at: datetime
    lines: list[OrderLine] = field(default_factory=list)

    def move_to(self, status: OrderStatus) -> None:
        """Go one step on. Raises `InvalidTransition` for a step that there is not."""
        if status not in _NEXT[self.status]:
            raise InvalidTransition(
                f"An order that is {self.status} cannot become {status}."
                if status is not self.status
                else f"The order is {self.status} already."
            )
        self.status = status

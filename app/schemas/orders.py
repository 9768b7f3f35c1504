"""The JSON of orders."""

from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.models import Order, OrderStatus
from app.schemas.bodies import Page, RequestBody, Row, RowId, UtcTime, with_example
from app.schemas.fields.money import Money

# In strict mode, Pydantic accepts only members of the enum, but JSON has their values.
Status = Annotated[OrderStatus, Field(strict=False)]


MAX_ITEMS: Final = 50
"""The maximum number of items of an order."""


class OrderItem(RequestBody):
    """A product and its quantity."""

    product_id: Annotated[int, Field(ge=1, le=2**63 - 1)]
    quantity: Annotated[int, Field(ge=1, le=1000)]


def _each_product_once(items: list[OrderItem]) -> list[OrderItem]:
    if len({item.product_id for item in items}) < len(items):
        raise PydanticCustomError("twice", "List each product once, with its total quantity.")
    return items


class OrderCreate(RequestBody):
    """A new order."""

    model_config = with_example({"items": [{"product_id": 1, "quantity": 2}]})

    items: Annotated[
        list[OrderItem],
        Field(min_length=1, max_length=MAX_ITEMS),
        AfterValidator(_each_product_once),
    ]


class OrderUpdate(RequestBody):
    """The next status. The owner sets `cancelled`; administrators set `paid` and `shipped`."""

    model_config = with_example({"status": "cancelled"})

    status: Status


class OrderLineRead(BaseModel):
    """One product of an order, with name and price at the time of the order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    product_id: RowId
    name: str
    quantity: int
    unit_price: Money


class OrderRead(Row):
    """An order, as its owner and administrators see it."""

    user_id: RowId
    status: Status
    items: list[OrderLineRead]
    total: Money
    created_at: UtcTime
    updated_at: UtcTime

    @classmethod
    def of(cls, order: Order) -> Self:
        """Take the fields of the contract from an order's rows."""
        return cls(
            id=order.id,
            user_id=order.user_id,
            status=order.status,
            items=[
                OrderLineRead(
                    product_id=line.product_id,
                    name=line.name,
                    quantity=line.quantity,
                    unit_price=Money.of(line.unit_price),
                )
                for line in order.lines
            ],
            total=Money.of(order.total),
            created_at=order.created_at,
            updated_at=order.updated_at,
        )


class OrderPage(Page[OrderRead]):
    """Some orders of one user, newest first."""

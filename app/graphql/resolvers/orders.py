"""Orders and their items, and the mutations that place and cancel orders."""

import re
from typing import Any, Final

from ariadne import EnumType, ObjectType

from app.errors import FieldError, Invalid, NotFound, unknown_product
from app.graphql.resolvers.context import Context
from app.graphql.resolvers.fields import expected_version, field, validated
from app.graphql.resolvers.ids import number_of
from app.models import OrderStatus
from app.schemas.orders import OrderCreate, OrderLineRead, OrderRead
from app.schemas.products import ProductRead
from app.schemas.users import UserRead

mutation, order, order_item = ObjectType("Mutation"), ObjectType("Order"), ObjectType("OrderItem")
status = EnumType("OrderStatus", OrderStatus)

_KEY: Final = re.compile("[ -~]{1,255}")


@field(order, "user")
async def read_user(parent: OrderRead, context: Context) -> UserRead:
    """Read the user who has placed the order."""
    return await context.user(parent.user_id)


@field(order_item, "product")
async def read_product(item: OrderLineRead, context: Context) -> ProductRead:
    """Read the product as it is now."""
    return await context.product(item.product_id)


@field(mutation, "placeOrder")
async def create_order(
    _: None,
    context: Context,
    *,
    items: list[dict[str, Any]],
    idempotency_key: str | None = None,
    user_id: str | None = None,
) -> OrderRead:
    """Place an order of all items. If one item cannot be ordered, no item is ordered."""
    owner = await context.account_to_change(user_id)
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        detail = "This must be 1 to 255 printable ASCII characters."
        raise Invalid(FieldError(detail, pointer="/idempotencyKey"))
    body = validated(OrderCreate, items=[_item(*it) for it in enumerate(items)])
    placed = await context.orders.place(
        owner, body, caller=await context.caller(), key=idempotency_key
    )
    context.replayed |= placed.replayed
    return OrderRead.model_validate_json(placed.body)


def _item(position: int, item: dict[str, Any]) -> dict[str, int]:
    try:
        number = number_of(item["product_id"], "Product")
    except NotFound:
        raise unknown_product(f"/items/{position}/productId") from None
    return {"product_id": number, "quantity": item["quantity"]}


@field(mutation, "cancelOrder")
async def cancel_order(
    _: None,
    context: Context,
    *,
    id: str,  # noqa: A002 - the name in the schema
    version: str | None = None,
) -> OrderRead:
    """Cancel an order of the caller or, for administrators, of any user."""
    found = await context.order(number_of(id, "Order"))
    caller = await context.caller()
    return await context.orders.change_status(
        found.user_id,
        found.id,
        OrderStatus.CANCELLED,
        expected_version(version),
        by_admin=caller.is_admin,
    )

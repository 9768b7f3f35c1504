"""Objects with an id (GraphQL Global Object Identification)."""

from typing import Final

from ariadne import InterfaceType, ObjectType

from app.errors import NotFound
from app.graphql.resolvers.context import Context
from app.graphql.resolvers.fields import field
from app.graphql.resolvers.ids import split
from app.schemas.bodies import Row
from app.schemas.orders import OrderRead
from app.schemas.products import ProductRead
from app.schemas.users import UserRead

_TYPE_NAMES: Final[dict[type[Row], str]] = {
    UserRead: "User",
    ProductRead: "Product",
    OrderRead: "Order",
}

query = ObjectType("Query")
node = InterfaceType("Node", lambda row, *_: _TYPE_NAMES[type(row)])
# These fields are the same in each type with an id.
node.set_field("id", lambda row, _: f"{_TYPE_NAMES[type(row)]}:{row.id}")
versioned_types = [ObjectType(name) for name in _TYPE_NAMES.values()]
for it in versioned_types:
    it.set_field("version", lambda row, _: row.etag())


@field(query, "node")
async def read_node(_: None, context: Context, *, id: str) -> Row:  # noqa: A002 - the name in the schema
    """Read the user, the product or the order with this id."""
    type_name, number = split(id)
    match type_name:
        case "User":
            return await context.user(await context.visible_user_id(number))
        case "Product":
            return await context.product(number)
        case "Order":
            return await context.order(number)
    raise NotFound

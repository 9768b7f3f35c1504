"""Products. Reading them is public."""

from ariadne import ObjectType

from app.graphql.resolvers.connections import Connection
from app.graphql.resolvers.context import Context
from app.graphql.resolvers.fields import field, page_size
from app.graphql.resolvers.ids import number_of
from app.schemas.products import ProductRead

query = ObjectType("Query")


@field(query, "product")
async def read_product(_: None, context: Context, *, id: str) -> ProductRead:  # noqa: A002 - the name in the schema
    """Read a product."""
    return await context.product(number_of(id, "Product"))


@field(query, "products")
async def list_products(
    _: None, context: Context, *, first: int, after: str | None = None
) -> Connection[ProductRead]:
    """List all products, oldest first."""
    rows = await context.products.list_rows(cursor=after, limit=page_size(first))
    return Connection(rows, has_previous_page=after is not None)

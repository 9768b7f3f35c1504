"""The smallest Strawberry app that answers the query of the benchmark, from memory.

It has no token, no limits and no database. Like the service, it runs in FastAPI.
"""

import strawberry
from fastapi import FastAPI
from strawberry.fastapi import GraphQLRouter

_ORDERS = 20
_ITEMS = 2


@strawberry.type
class Money:
    """An amount."""

    amount: str = "12.50"


@strawberry.type
class Item:
    """One product of an order."""

    name: str = "Electric kettle, 1.7 l"
    quantity: int = 2
    unit_price: Money = strawberry.field(default_factory=Money)


@strawberry.type
class Order:
    """One purchase."""

    id: strawberry.ID
    status: str
    total: Money
    items: list[Item]


@strawberry.type
class Orders:
    """A page of orders."""

    nodes: list[Order]


_PAGE = [
    Order(
        id=strawberry.ID(f"Order:{number}"),
        status="PENDING",
        total=Money(),
        items=[Item() for _ in range(_ITEMS)],
    )
    for number in range(_ORDERS)
]


@strawberry.type
class User:
    """An account."""

    name: str = "Amara Okafor"

    @strawberry.field
    async def orders(self, first: int = 20) -> Orders:
        """Return the newest orders."""
        return Orders(nodes=_PAGE[:first])


@strawberry.type
class Query:
    """The fields of all queries."""

    @strawberry.field
    async def me(self) -> User:
        """Return the same user for every caller."""
        return User()


app = FastAPI(openapi_url=None)
app.include_router(GraphQLRouter(strawberry.Schema(Query), graphql_ide=None), prefix="/graphql")


@app.get("/api/users/{user_id}")
async def read_user(user_id: int) -> str:
    """Show that the app is ready."""
    return str(user_id)

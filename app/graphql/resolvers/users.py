"""Users: the caller's own account, other accounts, and the mutations of accounts."""

from ariadne import EnumType, ObjectType

from app.graphql.resolvers.connections import Connection
from app.graphql.resolvers.context import Context
from app.graphql.resolvers.fields import expected_version, field, page_size, validated
from app.graphql.resolvers.ids import number_of
from app.models import OrderStatus, Role
from app.schemas.orders import OrderRead
from app.schemas.users import UserCreate, UserRead, UserUpdate

query, mutation, user = ObjectType("Query"), ObjectType("Mutation"), ObjectType("User")
role = EnumType("Role", Role)


@field(query, "me")
async def read_me(_: None, context: Context) -> UserRead:
    """Read the caller's own account."""
    caller = await context.caller()
    return await context.user(caller.user_id)


@field(query, "user")
async def read_user(_: None, context: Context, *, id: str) -> UserRead:  # noqa: A002 - the name in the schema
    """Read an account: the caller's own or, for administrators, any."""
    return await context.user(await context.visible_user_id(number_of(id, "User")))


@field(user, "orders")
async def list_orders(
    owner: UserRead,
    context: Context,
    *,
    first: int,
    after: str | None = None,
    status: OrderStatus | None = None,
) -> Connection[OrderRead]:
    """List a user's orders, newest first."""
    # `signUp` returns the new account to a client that may have no session. Such a client must not
    # list orders.
    user_id = await context.visible_user_id(owner.id)
    query = context.orders.page_query(user_id, cursor=after, limit=page_size(first), status=status)
    return Connection(await context.order_page(query), has_previous_page=after is not None)


@field(mutation, "signUp")
async def create_user(
    _: None, context: Context, *, name: str, email: str, password: str
) -> UserRead:
    """Sign up. The address gets a message with a link that confirms it."""
    body = validated(UserCreate, name=name, email=email, password=password)
    return await context.users.register(body)


@field(mutation, "changeName")
async def change_name(
    _: None,
    context: Context,
    *,
    name: str,
    user_id: str | None = None,
    version: str | None = None,
) -> UserRead:
    """Change the name of the caller or, for administrators, of any user."""
    owner = await context.account_to_change(user_id)
    changes = validated(UserUpdate, name=name)
    return await context.users.update(owner, changes, expected_version(version))

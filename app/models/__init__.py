"""Tables, and the rules about their own fields. `Model.metadata` knows every table."""

from app.models import tags
from app.models.idempotency import IdempotencyKey
from app.models.identities import Identity
from app.models.oidc_flows import OidcFlow
from app.models.orders import Order, OrderLine, OrderStatus
from app.models.orm import Model
from app.models.products import Product
from app.models.sessions import Principal, Session, SpentRefreshToken
from app.models.users import Role, User

__all__ = [
    "IdempotencyKey",
    "Identity",
    "Model",
    "OidcFlow",
    "Order",
    "OrderLine",
    "OrderStatus",
    "Principal",
    "Product",
    "Role",
    "Session",
    "SpentRefreshToken",
    "User",
    "tags",
]

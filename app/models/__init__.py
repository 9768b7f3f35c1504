"""The data of the service, and the rules about single fields of this data."""

from app.models.idempotency import IdempotencyKey
from app.models.identities import Identity
from app.models.jobs import FailedJob, JobCount
from app.models.messages import Message, MessageKind
from app.models.oidc_flows import OidcFlow
from app.models.orders import Order, OrderLine, OrderPageQuery, OrderStatus
from app.models.products import Product
from app.models.sessions import Principal, Session, SessionLifetime
from app.models.users import Role, User

__all__ = [
    "FailedJob",
    "IdempotencyKey",
    "Identity",
    "JobCount",
    "Message",
    "MessageKind",
    "OidcFlow",
    "Order",
    "OrderLine",
    "OrderPageQuery",
    "OrderStatus",
    "Principal",
    "Product",
    "Role",
    "Session",
    "SessionLifetime",
    "User",
]

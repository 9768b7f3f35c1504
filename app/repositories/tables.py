"""The tables. Alembic compares them with the database. Every constraint has a name."""

from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Enum,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    UniqueConstraint,
    false,
    func,
)

from app.models import MessageKind, OrderStatus, Role
from app.models.messages import LINK_LIFETIMES

METADATA: Final = MetaData(
    # Repositories map the names of constraints to errors. SQLAlchemy makes each name from the names
    # of the table and the columns. The name of a check contains the name in the `CheckConstraint`
    # instead of the columns' names.
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _row_id() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def _moment(name: str, **options: Any) -> Column[Any]:  # noqa: ANN401 - the options of Column
    return Column(name, DateTime(timezone=True), **options)


def _reference(name: str, to: str, **options: Any) -> Column[Any]:  # noqa: ANN401 - the options of Column
    return Column(name, BigInteger, ForeignKey(to, ondelete="CASCADE"), **options)


def _one_of(values: type[StrEnum], name: str) -> Enum:
    def texts(_: object) -> list[str]:
        return [value.value for value in values]

    return Enum(values, native_enum=False, create_constraint=True, name=name, values_callable=texts)


USERS: Final = Table(
    "users",
    METADATA,
    _row_id(),
    # Name and email are NULL if the account is erased.
    Column("name", String),
    Column("email", String),
    Column("email_confirmed", Boolean, server_default=false(), nullable=False),
    # NULL if the account is erased, or if it has no password because its user signs in at an
    # identity provider.
    Column("password_hash", String),
    Column("role", _one_of(Role, "role"), nullable=False),
    # When an operator disabled the account. NULL if the account is enabled.
    _moment("disabled_at"),
    _moment("created_at", server_default=func.now(), nullable=False),
    _moment("updated_at", server_default=func.now(), nullable=False),
    _moment("erased_at"),
    UniqueConstraint("email"),
    CheckConstraint(
        "(erased_at IS NULL) = (email IS NOT NULL)"
        " AND (erased_at IS NULL) = (name IS NOT NULL)"
        " AND (erased_at IS NULL OR password_hash IS NULL)",
        name="erased_means_no_personal_data",
    ),
)
NOT_ERASED: Final = USERS.c.erased_at.is_(None)
"""The condition that a user's account is not erased."""

SESSIONS: Final = Table(
    "sessions",
    METADATA,
    _row_id(),
    _reference("user_id", "users.id", nullable=False),
    Column("refresh_token_hash", LargeBinary),
    Column("cookie_hash", LargeBinary),
    Column("user_agent", String),
    _moment("created_at", server_default=func.now(), nullable=False),
    _moment("last_used_at", server_default=func.now(), index=True, nullable=False),
    _moment("expires_at", nullable=False),
    UniqueConstraint("refresh_token_hash"),
    UniqueConstraint("cookie_hash"),
    CheckConstraint("num_nonnulls(refresh_token_hash, cookie_hash) = 1", name="one_secret"),
    # PostgreSQL reads a page of a user's sessions, newest first, along this index.
    Index(None, "user_id", "id"),
)

# Refresh tokens that were exchanged for new tokens. They are kept as long as their session.
SPENT_REFRESH_TOKENS: Final = Table(
    "spent_refresh_tokens",
    METADATA,
    Column("token_hash", LargeBinary, primary_key=True),
    _reference("session_id", "sessions.id", index=True, nullable=False),
)

IDENTITIES: Final = Table(
    "identities",
    METADATA,
    Column("issuer", String, primary_key=True),
    Column("subject", String, primary_key=True),
    # The id that clients use. The primary key is issuer and subject, which identify the row.
    Column("id", BigInteger, Identity(always=True), nullable=False),
    _reference("user_id", "users.id", index=True, nullable=False),
    # The session in which the user has linked the identity. The column is not a foreign key,
    # because the identity stays when the session ends.
    Column("session_id", BigInteger),
    _moment("created_at", server_default=func.now(), nullable=False),
    _moment("last_used_at"),
)

OIDC_FLOWS: Final = Table(
    "oidc_flows",
    METADATA,
    Column("state_hash", LargeBinary, primary_key=True),
    Column("browser_hash", LargeBinary, nullable=False),
    Column("provider", String, nullable=False),
    Column("redirect_uri", String, nullable=False),
    Column("nonce", String, nullable=False),
    Column("code_verifier", String, nullable=False),
    Column("return_to", String, nullable=False),
    Column("user_id", BigInteger),
    # The end of a session deletes the flows that began in it.
    _reference("session_id", "sessions.id", index=True),
    _moment("expires_at", index=True, nullable=False),
)

# Messages to users. A message is deleted a day after it was sent. If it was not sent, it is deleted
# 30 days after it was created.
MESSAGES: Final = Table(
    "messages",
    METADATA,
    _row_id(),
    # `user_id` and `address` are NULL if a password reset was requested for an address that no
    # enabled account has.
    _reference("user_id", "users.id"),
    Column("address", String),
    Column("kind", _one_of(MessageKind, "kind"), nullable=False),
    # The identity provider, for notices about identities.
    Column("provider", String),
    _moment("created_at", server_default=func.now(), index=True, nullable=False),
    _moment("sent_at", index=True),
    # Why the last attempt to send the message failed.
    Column("failure", String),
    CheckConstraint("(user_id IS NULL) = (address IS NULL)", name="address_of_a_user"),
    Index(None, "user_id", "kind"),
)
# A user has at most one message of each kind with a link: a newer link replaces the older one.
Index(
    "uq_messages_link",
    MESSAGES.c.user_id,
    MESSAGES.c.kind,
    unique=True,
    postgresql_where=MESSAGES.c.kind.in_(list(LINK_LIFETIMES)),
)

# The tokens of links, as SHA-256. Each attempt to send a message has its own token.
LINKS: Final = Table(
    "links",
    METADATA,
    Column("token_hash", LargeBinary, primary_key=True),
    _reference("message_id", "messages.id", index=True, nullable=False),
    _moment("expires_at", nullable=False),
)

PRODUCTS: Final = Table(
    "products",
    METADATA,
    _row_id(),
    Column("sku", String, nullable=False),
    Column("name", String, nullable=False),
    Column("price", Numeric(12, 2), nullable=False),
    Column("stock", Integer, nullable=False),
    _moment("created_at", server_default=func.now(), nullable=False),
    _moment("updated_at", server_default=func.now(), nullable=False),
    UniqueConstraint("sku"),
    CheckConstraint("price >= 0", name="price_not_negative"),
    CheckConstraint("stock >= 0", name="stock_not_negative"),
)

ORDERS: Final = Table(
    "orders",
    METADATA,
    _row_id(),
    Column("user_id", BigInteger, ForeignKey("users.id"), nullable=False),
    Column("status", _one_of(OrderStatus, "status"), nullable=False),
    Column("total", Numeric(17, 2), nullable=False),
    _moment("created_at", server_default=func.now(), nullable=False),
    _moment("updated_at", server_default=func.now(), nullable=False),
    CheckConstraint("total >= 0", name="total_not_negative"),
    # PostgreSQL reads a page of a user's orders, newest first, along one of these indexes.
    Index(None, "user_id", "id"),
    Index(None, "user_id", "status", "id"),
)

ORDER_LINES: Final = Table(
    "order_lines",
    METADATA,
    _reference("order_id", "orders.id", primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("product_id", BigInteger, ForeignKey("products.id"), index=True, nullable=False),
    # Name and price at the time of the order.
    Column("name", String, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unit_price", Numeric(12, 2), nullable=False),
    CheckConstraint("quantity BETWEEN 1 AND 1000", name="quantity"),
)

# The responses to requests with an Idempotency-Key.
IDEMPOTENCY_KEYS: Final = Table(
    "idempotency_keys",
    METADATA,
    _reference("user_id", "users.id", primary_key=True),
    Column("route", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    Column("location", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    _moment("expires_at", index=True, nullable=False),
)

"""The settings of PostgreSQL."""

from typing import Annotated, Literal

from pydantic import PositiveFloat, PositiveInt, SecretStr

from app.settings.types import EnvironmentSettings, address, in_any_case

DATABASE_SCHEMES = {"postgresql", "postgres", "postgresql+psycopg"}
DatabaseAddress = Annotated[
    SecretStr,
    address(
        DATABASE_SCHEMES, "postgresql://user:password@host/name", several_hosts=DATABASE_SCHEMES
    ),
]


class DatabaseSettings(EnvironmentSettings):
    """The addresses of PostgreSQL, the pool of connections, and the timeouts in seconds."""

    database_url: DatabaseAddress
    # A read replica. The service reads data from the replica if they are not in the cache and have
    # not changed for some seconds.
    database_replica_url: DatabaseAddress | None = None
    # With `transaction`, DATABASE_URL is the address of a pooler in transaction mode, such as
    # PgBouncer. The database role must then have the timeouts as settings; see docs/scaling.md.
    database_pooler: Annotated[Literal["none", "transaction"], in_any_case] = "none"
    database_pool_size: PositiveInt = 10
    # A request that gets no connection in this time gets 503. By default, this timeout plus the
    # timeout of a statement is REQUEST_TIMEOUT.
    database_pool_timeout: PositiveFloat = 5.0
    # PostgreSQL cancels a statement after this time. The time must be below REQUEST_TIMEOUT. Then
    # the connection is usable again when the client gets its 503.
    database_statement_timeout: PositiveFloat = 5.0

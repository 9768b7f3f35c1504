"""Opens the connections of the pool, directly to PostgreSQL or through a pooler."""

import os
import select as system_select
from functools import partial
from typing import Any, Final, cast

import psycopg
from psycopg import AsyncConnection
from pydantic import SecretStr
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from app.repositories.postgres.address import conninfo
from app.settings import Settings

CONNECT_TIMEOUT_SECONDS: Final = 2
# libpq applies these environment variables after the options of a connection, so they override the
# options. One option sets the DateStyle ISO, because psycopg can read times only in this style.
_OVERRIDING_VARIABLES: Final = ("PGDATESTYLE", "PGTZ", "PGGEQO")
_TIMEOUTS: Final = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
# Returns a command for each setting that the role lacks. The command names `current_user`, because
# a pooler may connect as another role than its client. Timeouts are in milliseconds, and 0 means no
# timeout.
_MISSING_SETTINGS: Final = """
SELECT format(
    'ALTER ROLE %%I IN DATABASE %%I SET %%I = %%L;', current_user, current_database(), name, wanted
)
FROM (
    SELECT name, %(timeout_ms)s::text AS wanted,
        current_setting(name) <> '0' AND setting::numeric <= %(timeout_ms)s AS fits
    FROM pg_settings WHERE name = ANY(%(timeouts)s)
    UNION ALL
    SELECT 'DateStyle', 'ISO', current_setting('DateStyle') LIKE 'ISO%%'
) AS needed
WHERE NOT fits
ORDER BY name
"""


def create_engine(settings: Settings, url: SecretStr) -> AsyncEngine:
    """Return an engine for this URL. Only its connection pool is used, see `Executor`.

    Removes the environment variables of libpq that would override the connections' options.
    """
    for variable in _OVERRIDING_VARIABLES:
        os.environ.pop(variable, None)
    connect = _connect_to_pooler if settings.database_pooler == "transaction" else _connect
    engine = create_async_engine(
        "postgresql+psycopg://",
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=settings.database_pool_timeout,
        # The executor ends its transactions itself.
        pool_reset_on_return=None,
        async_creator=partial(
            connect,
            conninfo(url.get_secret_value()),
            timeout_ms=max(1, round(settings.database_statement_timeout * 1000)),
        ),
    )
    event.listen(engine.sync_engine, "connect", _require_utf8)
    event.listen(engine.sync_engine, "checkout", _reject_closed)
    return engine


async def _connect(address: str, *, timeout_ms: int) -> AsyncConnection[Any]:
    timeouts = " ".join(f"-c {name}={timeout_ms}" for name in _TIMEOUTS)
    return await _open(address, options=f"{timeouts} -c datestyle=ISO")


async def _connect_to_pooler(address: str, *, timeout_ms: int) -> AsyncConnection[Any]:
    # In transaction mode, the next transaction may run in another session of PostgreSQL. That
    # session has neither the options of this connection nor its prepared statements.
    connection = await _open(address, prepare_threshold=None)
    try:
        await _require_settings(connection, timeout_ms)
    except BaseException:
        await connection.close()
        raise
    return connection


async def _require_settings(connection: AsyncConnection[Any], timeout_ms: int) -> None:
    wanted = {"timeouts": list(_TIMEOUTS), "timeout_ms": timeout_ms}
    cursor = await connection.execute(_MISSING_SETTINGS, wanted)
    commands = " ".join(command for (command,) in await cursor.fetchall())
    if commands:
        raise psycopg.OperationalError(
            f"The role needs settings. Run: {commands} Then end the sessions of the pooler."
        )


async def _open(address: str, **parameters: Any) -> AsyncConnection[Any]:  # noqa: ANN401 - the parameters of psycopg
    return await AsyncConnection.connect(
        address,
        autocommit=True,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        application_name="roundtrip",
        client_encoding="utf8",
        **parameters,
    )


def _require_utf8(_: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    connection = cast("AsyncConnection[Any]", record.driver_connection)
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise psycopg.OperationalError(
            f"The database has the encoding {encoding}. Create it again with ENCODING 'UTF8'."
        )


def _reject_closed(_: DBAPIConnection, record: ConnectionPoolEntry, __: object) -> None:
    # After a restart of PostgreSQL, all pooled connections are closed. The socket of a closed
    # connection is readable; the socket of an idle, open connection is not. `pool_pre_ping` would
    # send a statement instead, which takes a hundred times as long as this check.
    connection = cast("AsyncConnection[Any]", record.driver_connection)
    if connection.closed or _is_readable(connection.fileno()):
        raise InvalidatePoolError


def _is_readable(socket: int) -> bool:
    poll = system_select.poll()
    poll.register(socket, system_select.POLLIN)
    return bool(poll.poll(0))

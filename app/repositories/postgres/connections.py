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

_CONNECT_TIMEOUT_SECONDS: Final = 2
# libpq applies these variables of the environment after the options of a connection. psycopg cannot
# read the times of another DateStyle.
_OVERRIDING_VARIABLES: Final = ("PGDATESTYLE", "PGTZ", "PGGEQO")
_TIMEOUTS: Final = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
# A timeout of 0 means that there is none.
_MISSING_TIMEOUTS: Final = """
SELECT name FROM pg_settings
WHERE name = ANY(%s) AND NOT setting::bigint BETWEEN 1 AND %s
ORDER BY name
"""


def create_engine(settings: Settings, url: SecretStr) -> AsyncEngine:
    """Return an engine for this URL. Only its connection pool is used, see `Executor`.

    Removes variables of libpq that would override the options of the connections.
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
            timeout_ms=int(settings.database_statement_timeout * 1000),
        ),
    )
    event.listen(engine.sync_engine, "connect", _require_utf8)
    event.listen(engine.sync_engine, "checkout", _reject_closed)
    return engine


async def _connect(address: str, *, timeout_ms: int) -> AsyncConnection[Any]:
    timeouts = " ".join(f"-c {name}={timeout_ms}" for name in _TIMEOUTS)
    return await _open(address, options=f"{timeouts} -c datestyle=ISO")


async def _connect_to_pooler(address: str, *, timeout_ms: int) -> AsyncConnection[Any]:
    # In transaction mode, each transaction may run in another session of PostgreSQL. So a session
    # cannot have options, and a pooler may not know the statements that a session has prepared.
    connection = await _open(address, prepare_threshold=None)
    try:
        # A pooler restores this parameter in each session, as it does with client_encoding.
        await connection.execute("SET datestyle TO ISO")
        await _require_timeouts(connection, timeout_ms)
    except BaseException:
        await connection.close()
        raise
    return connection


async def _require_timeouts(connection: AsyncConnection[Any], timeout_ms: int) -> None:
    cursor = await connection.execute(_MISSING_TIMEOUTS, [list(_TIMEOUTS), timeout_ms])
    commands = [
        f"ALTER ROLE {connection.info.user} SET {name} = {timeout_ms};"
        for (name,) in await cursor.fetchall()
    ]
    if commands:
        raise psycopg.OperationalError(f"The role needs timeouts. Run: {' '.join(commands)}")


async def _open(address: str, **parameters: Any) -> AsyncConnection[Any]:  # noqa: ANN401 - as psycopg takes them
    return await AsyncConnection.connect(
        address,
        autocommit=True,
        connect_timeout=_CONNECT_TIMEOUT_SECONDS,
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
    # connection is readable; the socket of an idle, open connection is not. This check takes a
    # hundredth of the time of a statement, which `pool_pre_ping` would send.
    connection = cast("AsyncConnection[Any]", record.driver_connection)
    if connection.closed or _is_readable(connection.fileno()):
        raise InvalidatePoolError


def _is_readable(socket: int) -> bool:
    poll = system_select.poll()
    poll.register(socket, system_select.POLLIN)
    return bool(poll.poll(0))

"""Runs the migrations: `alembic upgrade head`, a separate step before the app starts.

The migrations need only DATABASE_URL. So they can run with a role that has the right to change
tables, and the service can run with a role that does not have this right.
"""

import logging
import os
import sys
import time
from functools import partial

import psycopg
from alembic import context
from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, create_engine, event, pool, text
from sqlalchemy.exc import OperationalError

from app.repositories.postgres.address import conninfo
from app.repositories.tables import METADATA
from app.settings import SettingsError

_log = logging.getLogger("alembic")
_LOCK = 0x526F756E64  # The key of the advisory lock: "Round" as a number. Any constant would do.
_LOCK_POLL_SECONDS = 0.2
# While a statement waits for a lock on a table, later statements on the table wait, too. The
# timeout is shorter than DATABASE_POOL_TIMEOUT, so that no request fails because of this wait.
_LOCK_TIMEOUT = "lock_timeout = '1s'"
# The role may limit idle transactions. The limit would end the idle transaction that holds the
# advisory lock.
_NO_IDLE_TIMEOUT = "SET LOCAL idle_in_transaction_session_timeout = 0"
# A session that waits sends nothing. Without keepalive packets, a firewall could drop its
# connection.
_KEEPALIVES_IDLE_SECONDS = 60
_MAX_ATTEMPTS = 30
_RETRY_PAUSE_SECONDS = 1.0
# For each host of DATABASE_URL. The default of psycopg is 130 seconds.
_CONNECT_TIMEOUT_SECONDS = 10


def main() -> None:
    """Upgrade or downgrade, with each revision in its own transaction.

    If several processes run this function, they run the migrations one after another.
    """
    # Show Alembic's line for each revision. The other loggers of Alembic show only warnings.
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("alembic.runtime.migration").setLevel(logging.INFO)
    address = os.environ.get("DATABASE_URL")
    if not address:
        sys.exit("DATABASE_URL is missing; write it like postgresql://user:password@host/name")
    try:
        engine = create_engine(
            "postgresql+psycopg://",
            creator=partial(
                psycopg.connect,
                conninfo(address),
                connect_timeout=_CONNECT_TIMEOUT_SECONDS,
                keepalives_idle=_KEEPALIVES_IDLE_SECONDS,
                # Through a pooler, another session may have a statement of the same name.
                prepare_threshold=None,
            ),
            poolclass=pool.NullPool,
            hide_parameters=True,
        )
        # With a higher isolation level, this transaction would keep a snapshot, and CREATE INDEX
        # CONCURRENTLY would wait for the end of this transaction.
        locking = engine.connect().execution_options(isolation_level="READ COMMITTED")
        connection = engine.connect()
    except SettingsError as error:
        sys.exit(str(error))
    except OperationalError as error:
        reason = str(error.orig).partition("\n")[0]
        sys.exit(f"There is no connection to PostgreSQL; see DATABASE_URL. The reason: {reason}")
    with locking, connection:
        _acquire_lock(locking)
        event.listen(connection, "begin", partial(_begin, locking))
        context.configure(
            connection=connection,
            target_metadata=METADATA,
            include_name=_is_ours,
            compare_server_default=True,
            transaction_per_migration=True,
        )
        _run(connection)


def _is_ours(name: str | None, kind: str, _: object) -> bool:
    # The tables of the job queue belong to its library.
    return kind != "table" or name is None or not name.startswith("procrastinate_")


def _acquire_lock(connection: Connection) -> None:
    """Hold the advisory lock of the migrations until the connection closes.

    Of two concurrent deployments, the first gets the lock, and the second polls. If the second
    waited in a statement, CREATE INDEX CONCURRENTLY of the first would wait for that statement, and
    neither could continue.

    A transaction holds the lock, because a session cannot hold it through a pooler in transaction
    mode. Each revision commits its own transaction, so the lock needs a second connection.
    """
    while not connection.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}):
        connection.rollback()
        time.sleep(_LOCK_POLL_SECONDS)
    connection.execute(text(_NO_IDLE_TIMEOUT))


def _begin(locking: Connection, connection: Connection) -> None:
    """Check that the lock is still held, and limit how long the revision waits for a table."""
    locking.exec_driver_sql("SELECT 1")
    # Outside a transaction, set nothing: through a pooler, the setting would stay in the session.
    # CREATE INDEX CONCURRENTLY runs there, but needs no timeout: while it waits, it blocks no reads
    # and no writes.
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql(f"SET LOCAL {_LOCK_TIMEOUT}")


def _run(connection: Connection) -> None:
    for attempt in range(1, _MAX_ATTEMPTS + 1):
        try:
            with context.begin_transaction():
                context.run_migrations()
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            connection.rollback()
            if attempt == _MAX_ATTEMPTS:
                sys.exit("Other transactions hold the tables all the time. Run this again later.")
            _log.warning(
                "A table is in use. Trying again after a pause, so that other statements can run."
            )
            time.sleep(_RETRY_PAUSE_SECONDS)
        else:
            return


def show() -> None:
    """Print the SQL instead of running it: `alembic upgrade 0003:0004 --sql`."""
    context.configure(
        dialect_name="postgresql",
        target_metadata=METADATA,
        literal_binds=True,
        transaction_per_migration=True,
    )
    context.execute(f"SET {_LOCK_TIMEOUT}")
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    show()
else:
    main()

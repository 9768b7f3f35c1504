"""Runs the migrations: `alembic upgrade head`, a step of its own before the app starts.

Only DATABASE_URL is needed, so that the step can run with a role that may change tables
while the service itself runs with one that may not.
"""

import logging
import os
import sys
import time

from alembic import context
from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, create_engine, pool, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from app.repositories.tables import METADATA

_log = logging.getLogger("alembic")
_LOCK = 0x526F756E64  # "Round": any number will do, as long as it stays the same.
_TURN_EVERY_S = 0.2
# A statement that waits for a table has everybody wait who comes after it. Shorter than
# DATABASE_POOL_TIMEOUT: no request fails for that.
_LOCK_TIMEOUT = "SET lock_timeout = '1s'"
_ATTEMPTS = 30
_PAUSE_S = 1.0


def main() -> None:
    """Upgrade or downgrade, one process at a time, each revision in its transaction."""
    # One line for each revision; Alembic's other messages are of no use to a reader.
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("alembic.runtime.migration").setLevel(logging.INFO)
    address = os.environ.get("DATABASE_URL")
    if not address:
        sys.exit("DATABASE_URL is missing; write it like postgresql://user:password@host/name")
    try:
        url = make_url(address).set(drivername="postgresql+psycopg")
        engine = create_engine(url, poolclass=pool.NullPool, hide_parameters=True)
        connection = engine.connect()
    except (ArgumentError, ValueError):
        sys.exit("DATABASE_URL is not an address; write it like postgresql://user:pw@host/name")
    except OperationalError as error:
        reason = str(error.orig).partition("\n")[0]
        sys.exit(f"PostgreSQL cannot be reached; see DATABASE_URL. It says: {reason}")
    with connection:
        _take_turn(connection)
        connection.execute(text(_LOCK_TIMEOUT))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=METADATA,
            compare_server_default=True,
            transaction_per_migration=True,
        )
        _run(connection)


def _take_turn(connection: Connection) -> None:
    # Of two deployments that start at once, one goes first. The other one asks now and then: if it
    # waited inside of a statement, CREATE INDEX CONCURRENTLY would wait for that to end.
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK}):
        connection.commit()
        time.sleep(_TURN_EVERY_S)
    connection.commit()


def _run(connection: Connection) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with context.begin_transaction():
                context.run_migrations()
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            connection.rollback()
            if attempt == _ATTEMPTS:
                sys.exit("Other transactions hold the tables all the time. Run this again later.")
            _log.warning("A table is in use. Trying again, so that nobody waits behind us.")
            time.sleep(_PAUSE_S)
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
    context.execute(_LOCK_TIMEOUT)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    show()
else:
    main()

"""Runs the migrations: `alembic upgrade head`, a step of its own before the app starts.

Only DATABASE_URL is needed, so that the step can run with a role that may change tables
while the service itself runs with one that may not.
"""

import logging
import os
import sys

from alembic import context
from sqlalchemy import create_engine, pool, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from app.models import Model

_LOCK = 0x526F756E64  # "Round": any number will do, as long as it stays the same.


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
        # Two deployments that start at once take turns.
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Model.metadata,
            compare_server_default=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    sys.exit("Offline mode is not supported: run the migrations against a database.")
main()

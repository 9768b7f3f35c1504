"""A migration does not block other statements while it waits for a lock."""

import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.conftest import NewDatabase, migrate
from tests.integration.wire import at_once
from tests.service import CHECKOUT

pytestmark = pytest.mark.slow

LONGEST_WAIT_SECONDS = 2.0
"""The maximum wait of a statement. DATABASE_STATEMENT_TIMEOUT would end the wait after 5 s."""
CONCURRENTLY = '''"""Create an index without blocking writes.

Revision ID: 9999
Revises: {head}
"""

from alembic import op

revision = "9999"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_orders_created_at", "orders", ["created_at"], postgresql_concurrently=True
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_orders_created_at", "orders", postgresql_concurrently=True)
'''


def test_no_statement_waits_long_for_a_migration_that_waits_for_a_lock(
    new_database: NewDatabase,
) -> None:
    """The migration stops waiting after a second and tries again, until the lock is free."""
    url = new_database()
    migrate(url, "upgrade", "0003")
    waits = []
    with (
        psycopg.connect(url) as holder,
        psycopg.connect(url, autocommit=True) as reader,
        ThreadPoolExecutor(1) as threads,
    ):
        holder.execute("SELECT 1 FROM users")
        migrating = threads.submit(migrate, url)
        deadline = time.monotonic() + 4 * LONGEST_WAIT_SECONDS
        while time.monotonic() < deadline:
            began = time.monotonic()
            reader.execute("SELECT 1 FROM users")
            waits.append(time.monotonic() - began)
        assert not migrating.done()
        holder.rollback()
        migrating.result()
        assert reader.execute("SELECT version_num FROM alembic_version").fetchone() != ("0003",)
    print(f"the longest of {len(waits)} waits took {max(waits):.2f} s")
    assert 0.5 < max(waits) < LONGEST_WAIT_SECONDS  # check F16


def test_two_concurrent_deployments_can_build_an_index_concurrently(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    """The waiting deployment does not block the index that the other deployment builds."""
    url = new_database()
    migrate(url)
    with psycopg.connect(url) as connection:
        (head,) = connection.execute("SELECT version_num FROM alembic_version").fetchall()[0]
    shutil.copytree(CHECKOUT / "migrations", tmp_path / "migrations")
    shutil.copy(CHECKOUT / "alembic.ini", tmp_path)
    (tmp_path / "migrations" / "versions" / "9999_index.py").write_text(
        CONCURRENTLY.format(head=head)
    )
    config = ("-c", str(tmp_path / "alembic.ini"))
    at_once([lambda: migrate(url, *config, "upgrade", "head")] * 2)
    with psycopg.connect(url) as connection:
        query = (
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_orders_created_at'::regclass"
        )
        assert connection.execute(query).fetchone() == (True,)
    migrate(url, *config, "downgrade", head)


def test_the_sql_of_a_migration_can_be_printed() -> None:
    """The printed SQL sets the same lock timeout as a run. Printing needs no database."""
    command = [sys.executable, "-m", "alembic", "upgrade", "0003:0004", "--sql"]
    result = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True)
    assert result.stdout.startswith("SET lock_timeout = '1s';")
    assert "CREATE TABLE identities" in result.stdout

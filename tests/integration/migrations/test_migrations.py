"""Migrations can be applied, reverted and applied again, and match the table definitions."""

import re

import psycopg
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from app.repositories.tables import METADATA
from tests.conftest import NewDatabase, migrate
from tests.integration.wire import at_once

_SCHEMA = """
SELECT 'column', table_name, column_name, data_type, is_nullable, column_default, is_identity
    FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', '', ''
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', tablename, indexname, indexdef, '', '', ''
    FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'relation', relname, relkind::text, '', '', '', ''
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
UNION ALL
SELECT 'type', typname, typtype::text, '', '', '', ''
    FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
UNION ALL
SELECT 'function', proname, pg_get_function_identity_arguments(oid), '', '', '', ''
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
ORDER BY 1, 2, 3, 4
"""
# Alembic and the library of the job queue define these tables and the names of their constraints.
_OTHERS = ("alembic_version", "procrastinate_")
_CONSTRAINT_NAME = re.compile(r"(pk|uq|ck|fk)_[a-z_]+")


def _schema(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(_SCHEMA).fetchall()


def test_upgrade_downgrade_upgrade_leaves_the_same_schema(new_database: NewDatabase) -> None:
    """The downgrade leaves nothing behind, and the second upgrade has the same result."""
    url = new_database()
    migrate(url)
    first = _schema(url)
    assert ("relation", "users", "r", "", "", "", "") in first
    migrate(url, "downgrade", "base")
    assert {row[1] for row in _schema(url)} <= {"alembic_version", "alembic_version_pkc"}
    migrate(url)
    assert _schema(url) == first


def test_two_concurrent_upgrades_run_one_after_the_other(
    new_database: NewDatabase, database_url: str
) -> None:
    """Every deployment can run the migrations, even while another deployment runs them."""
    url = new_database()
    at_once([lambda: migrate(url)] * 2)
    assert _schema(url) == _schema(database_url)


def test_a_downgrade_keeps_accounts_without_a_password(new_database: NewDatabase) -> None:
    """The downgrade gives these accounts an empty hash, because the previous release needs a hash.

    The upgrade removes the empty hash again.
    """
    url = new_database()
    migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO users (name, email, role) VALUES ('I', 'i@x.com', 'user')")
        migrate(url, "downgrade", "0003")
        query = "SELECT password_hash FROM users"
        assert connection.execute(query).fetchone() == ("",)  # check F16
        migrate(url)
        assert connection.execute(query).fetchone() == (None,)  # check F16


def test_autogenerate_finds_no_difference(database_url: str) -> None:
    """The migrations create exactly the tables that the code describes."""
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "include_name": lambda name, kind, _: (
                    kind != "table" or not name.startswith(_OTHERS)
                ),
            },
        )
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_every_constraint_and_index_is_named_by_the_convention(database_url: str) -> None:
    """Repositories rely on these names, so PostgreSQL must not choose a name itself."""
    for kind, table, name, definition, *_ in _schema(database_url):
        if str(table).startswith(_OTHERS):
            continue
        if kind == "constraint" and not str(definition).startswith("NOT NULL"):
            assert _CONSTRAINT_NAME.fullmatch(str(name)), name
            assert str(name)[3:].startswith(str(table))
        if kind == "index":
            assert re.fullmatch(r"(pk|uq|ix)_[a-z_]+", str(name)), name


def test_the_metadata_and_the_migrations_have_the_same_constraint_names(database_url: str) -> None:
    """The naming convention derives the names that the migrations create."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace "
            "AND contype <> 'n' AND conrelid::regclass::text !~ '^(alembic_version|procrastinate_)'"
        ).fetchall()
    derived = {
        str(constraint.name)
        for table in METADATA.tables.values()
        for constraint in table.constraints
        if constraint.name
    }
    assert {name for (name,) in rows} == derived

"""Every SQL statement that changes cached rows has the tags of the reads to invalidate."""

import importlib
from pathlib import Path

from app import repositories
from app.repositories.postgres.statements import Statement

CACHED = {"users", "products", "orders"}
"""Tables whose reads are cached."""


def every_statement() -> dict[str, Statement[object]]:
    """Return every statement by its module and its name."""
    (package,) = repositories.__path__
    return {
        f"{path.stem}.{name}": value
        for path in Path(package).glob("[a-z]*.py")
        for name, value in vars(importlib.import_module(f"app.repositories.{path.stem}")).items()
        if isinstance(value, Statement)
    }


def test_a_statement_that_changes_cached_rows_has_tags() -> None:
    """Without tags, the store cannot invalidate the cached reads of these rows."""
    without_tags = {
        name
        for name, statement in every_statement().items()
        if statement.changes
        and statement.attributes.get("db.collection.name") in CACHED
        and not statement.has_tags
    }
    # A new user is in no cached read.
    assert without_tags == {"users._ADD"}

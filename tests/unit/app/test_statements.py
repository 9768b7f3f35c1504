"""Every SQL statement that changes cached rows has the tags of the reads to invalidate."""

import importlib
from pathlib import Path

import pytest

from app import repositories
from app.repositories.postgres.statements import Statement

CACHED = {"users", "products", "orders"}
"""Tables whose reads are cached."""
INSERTS_AN_UNCACHED_ROW = ("users", "_ADD")


def every_statement() -> list[tuple[str, str, Statement[object]]]:
    """Return the module, the name and the object of every statement."""
    (package,) = repositories.__path__
    modules = sorted(path.stem for path in Path(package).glob("[a-z]*.py"))
    return [
        (module, name, value)
        for module in modules
        for name, value in vars(importlib.import_module(f"app.repositories.{module}")).items()
        if isinstance(value, Statement)
    ]


STATEMENTS = every_statement()
IDS = [f"{module}.{name}" for module, name, _ in STATEMENTS]


@pytest.mark.parametrize(("module", "name", "statement"), STATEMENTS, ids=IDS)
def test_a_statement_that_changes_cached_rows_has_tags(
    module: str, name: str, statement: Statement[object]
) -> None:
    """Without tags, the store cannot invalidate the cached reads of these rows."""
    table = statement.attributes.get("db.collection.name")
    if statement.changes and table in CACHED and (module, name) != INSERTS_AN_UNCACHED_ROW:
        assert statement.has_tags


def test_there_are_statements_of_both_kinds() -> None:
    """The test above covers statements with and without changes, with and without tags."""
    assert {statement.changes for *_, statement in STATEMENTS} == {False, True}
    assert {statement.has_tags for *_, statement in STATEMENTS} == {False, True}

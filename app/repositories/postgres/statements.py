"""SQL statements. Each statement is compiled once, and converts its rows to results."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar, cast

from sqlalchemy import (
    BindParameter,
    Column,
    Enum,
    ReturnsRows,
    Table,
    bindparam,
    func,
    insert,
    tuple_,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from app.errors import AppError
from app.tracing import Attributes

_T = TypeVar("_T")
_DIALECT: Final = make_url("postgresql+psycopg://").get_dialect()()
# `_CHANGES` matches the first table that a statement changes, and `_READS` the first table that it
# reads. They skip FOR UPDATE, which changes nothing, and `unnest(…)` and LATERAL, which are not
# tables.
_CHANGES: Final = re.compile(r"\b(INSERT INTO|DELETE FROM|(?<!FOR )(?<!KEY )UPDATE) (\w+)")
_READS: Final = re.compile(r"\b(SELECT)\b.*?\b(?:FROM|JOIN) (\w+)\b(?! ?\()", re.DOTALL)


def _no_tags(_: object) -> Iterable[str]:
    return ()


class Statement(Generic[_T]):
    """A compiled statement: its text, its constant parameters, and its conversion of rows."""

    def __init__(
        self,
        query: ClauseElement,
        make_result: Callable[..., _T],
        *,
        tags: Callable[[_T], Iterable[str]] = _no_tags,
        violations: Mapping[str, type[AppError]] = MappingProxyType({}),
        changes: str | None = None,
    ) -> None:
        """Compile the query.

        `make_result` converts the columns of a row to a result.

        A statement that changes rows of cached reads must return these rows. For each result,
        `tags` returns the tags of the cached reads that contain the row. `Store` invalidates the
        cached reads with these tags.

        A statement that locks a row for a change also has `tags`, even if no column changes later.
        If the client names an old version in `If-Match`, the client may have read this version from
        the cache. So the cached read must be invalidated.

        `violations` maps the name of a constraint to the error to raise if the statement violates
        the constraint.

        `changes` is the operation and the table that the span names, such as "INSERT users".
        Without `changes`, the span names the first change in the query, or else the first read.
        """
        compiled = cast("SQLCompiler", query.compile(dialect=_DIALECT))
        text = str(compiled)
        self.text = text.encode()
        self.changes = _CHANGES.search(text) is not None
        self.name, self.attributes = _describe(text, changes)
        self.has_tags = tags is not _no_tags
        self.tags = tags
        self.violations = violations
        self._make_result = make_result
        self._values = {
            name: parameter.value
            for parameter, name in compiled.bind_names.items()
            if not parameter.required
        }
        columns = query.exported_columns if isinstance(query, ReturnsRows) else ()
        # psycopg returns the values of enum columns as text.
        self._enums = [
            (index, column.type.enum_class)
            for index, column in enumerate(columns)
            if isinstance(column.type, Enum) and column.type.enum_class is not None
        ]

    def parameters(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the parameters to send: `values`, and the constants of the statement."""
        return {**self._values, **values}

    def result(self, row: tuple[Any, ...]) -> _T:
        """Convert a row to a result."""
        if self._enums:
            columns = list(row)
            for index, enum in self._enums:
                columns[index] = enum(columns[index])
            return self._make_result(*columns)
        return self._make_result(*row)


def _describe(text: str, changes: str | None) -> tuple[str, Attributes]:
    """Return the name and the attributes of the statement's span."""
    attributes = {"db.system.name": "postgresql", "db.query.text": text}
    match = _CHANGES.search(text) or _READS.search(text)
    if match is None:
        return "SELECT", {**attributes, "db.operation.name": "SELECT"}
    operation, table = match[1].partition(" ")[0], match[2]
    if changes is not None:
        operation, _, table = changes.partition(" ")
    named = {"db.operation.name": operation, "db.collection.name": table}
    return f"{operation} {table}", {**attributes, **named}


def columns_of(table: Table, model: type[Any]) -> list[Column[Any]]:
    """Return the columns of a dataclass's fields, in the order of the fields.

    A field with a `default_factory`, such as `Order.lines`, has no column.
    """
    required = [field for field in fields(model) if field.default_factory is MISSING]
    return [table.c[field.name] for field in required]


def parameters(table: Table, *names: str) -> dict[str, BindParameter[Any]]:
    """Return a parameter for each of these columns, with the column's name and type."""
    return {name: bindparam(name, type_=table.c[name].type) for name in names}


def insertion(table: Table, model: type[Any], *names: str) -> ReturningInsert[Any]:
    """Return the query that inserts a row with these columns, and returns the model's columns."""
    return insert(table).values(parameters(table, *names)).returning(*columns_of(table, model))


def change(table: Table, model: type[Any], *names: str) -> ReturningUpdate[Any]:
    """Return the query that updates these columns of the row whose id is the parameter `id`.

    The query returns the model's columns. If no value differs, it changes no row and returns no
    row, so `updated_at` stays the same.
    """
    values = parameters(table, *names)
    differs = tuple_(*(table.c[name] for name in names)).is_distinct_from(tuple_(*values.values()))
    query = update(table).where(table.c.id == bindparam("id"), differs)
    query = query.values(**values, updated_at=func.clock_timestamp())
    return query.returning(*columns_of(table, model))

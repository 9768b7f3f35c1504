"""Statements, compiled once: what is sent, and what its rows become."""

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
_NO_VIOLATIONS: Final[Mapping[str, type[AppError]]] = MappingProxyType({})
# What a statement changes, or else what it reads first. FOR UPDATE changes nothing.
_CHANGES: Final = re.compile(r"\b(INSERT INTO|DELETE FROM|(?<!FOR )(?<!KEY )UPDATE) (\w+)")
_READS: Final = re.compile(r"\b(SELECT)\b.*?\b(?:FROM|JOIN) (\w+)", re.DOTALL)


def _no_tags(_: object) -> Iterable[str]:
    return ()


class Statement(Generic[_T]):
    """A compiled statement: its text, its constant parameters, and what each row becomes."""

    def __init__(
        self,
        query: ClauseElement,
        into: Callable[..., _T],
        *,
        tags: Callable[[_T], Iterable[str]] = _no_tags,
        violations: Mapping[str, type[AppError]] = _NO_VIOLATIONS,
    ) -> None:
        """Compile it.

        `into` makes a result of the columns of each row. A statement that changes rows returns
        them, and `tags` names the cached reads that a row belongs to. `violations` has the error
        to raise for each constraint that the statement may violate.
        """
        compiled = cast("SQLCompiler", query.compile(dialect=_DIALECT))
        text = str(compiled)
        self.text = text.encode()
        self.changes = _CHANGES.search(text) is not None
        self.name, self.attributes = _described(text)
        self.has_tags = tags is not _no_tags
        self.tags = tags
        self.violations = violations
        self._into = into
        self._values = {
            name: parameter.value
            for parameter, name in compiled.bind_names.items()
            if not parameter.required
        }
        columns = query.exported_columns if isinstance(query, ReturnsRows) else ()
        # psycopg returns the text of such a column.
        self._enums = [
            (index, column.type.enum_class)
            for index, column in enumerate(columns)
            if isinstance(column.type, Enum) and column.type.enum_class is not None
        ]

    def parameters(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what is sent with the text: `values`, and the constants of the statement."""
        return {**self._values, **values}

    def result(self, row: tuple[Any, ...]) -> _T:
        """Return what a row becomes."""
        if self._enums:
            columns = list(row)
            for index, enum in self._enums:
                columns[index] = enum(columns[index])
            return self._into(*columns)
        return self._into(*row)


def _described(text: str) -> tuple[str, Attributes]:
    """Return the name of the statement's span, and what the span says about it."""
    attributes = {"db.system.name": "postgresql", "db.query.text": text}
    found = _CHANGES.search(text) or _READS.search(text)
    if found is None:
        return "SELECT", {**attributes, "db.operation.name": "SELECT"}
    operation, table = found[1].partition(" ")[0], found[2]
    named = {"db.operation.name": operation, "db.collection.name": table}
    return f"{operation} {table}", {**attributes, **named}


def columns_of(table: Table, model: type[Any]) -> list[Column[Any]]:
    """Return the columns of a dataclass's fields, but for lists, in the order of the fields."""
    required = [field for field in fields(model) if field.default_factory is MISSING]
    return [table.c[field.name] for field in required]


def parameters(table: Table, *names: str) -> dict[str, BindParameter[Any]]:
    """Return a parameter for each of these columns, with its name and type."""
    return {name: bindparam(name, type_=table.c[name].type) for name in names}


def insertion(table: Table, model: type[Any], *names: str) -> ReturningInsert[Any]:
    """Return the query that inserts a row with these columns, and returns the model's columns."""
    return insert(table).values(parameters(table, *names)).returning(*columns_of(table, model))


def change(table: Table, model: type[Any], *names: str) -> ReturningUpdate[Any]:
    """Return the query that writes these columns of the row with this `id`.

    It returns the model's columns, or no row if all are as they were: `updated_at` then stays.
    """
    values = parameters(table, *names)
    differs = tuple_(*(table.c[name] for name in names)).is_distinct_from(tuple_(*values.values()))
    query = update(table).where(table.c.id == bindparam("id"), differs)
    query = query.values(**values, updated_at=func.clock_timestamp())
    return query.returning(*columns_of(table, model))

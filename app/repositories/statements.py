"""Statements, compiled once: what is sent, and what its rows become."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
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

from app.errors import AppError

_T = TypeVar("_T")
_DIALECT: Final = make_url("postgresql+psycopg://").get_dialect()()
_NO_VIOLATIONS: Final[Mapping[str, type[AppError]]] = MappingProxyType({})


def _no_tags(_: object) -> Iterable[str]:
    return ()


class Statement(Generic[_T]):
    """A statement of SQLAlchemy's Core as text, with the types of its parameters and rows."""

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
        self.text = str(compiled).encode()
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


def columns_of(table: Table, model: type[Any]) -> list[Column[Any]]:
    """Return the columns for those fields of a dataclass that have one, in their order."""
    return [table.c[field.name] for field in fields(model) if field.name in table.c]


def parameters(table: Table, *names: str) -> dict[str, BindParameter[Any]]:
    """Return a parameter for each of these columns, with its name and type."""
    return {name: bindparam(name, type_=table.c[name].type) for name in names}


def insertion(
    table: Table,
    model: type[_T],
    *names: str,
    tags: Callable[[_T], Iterable[str]] = _no_tags,
    violations: Mapping[str, type[AppError]] = _NO_VIOLATIONS,
) -> Statement[_T]:
    """Return a statement that inserts a row with these columns, and returns the model."""
    query = insert(table).values(parameters(table, *names)).returning(*columns_of(table, model))
    return Statement(query, model, tags=tags, violations=violations)


def change(
    table: Table,
    model: type[_T],
    *names: str,
    tags: Callable[[_T], Iterable[str]] = _no_tags,
    violations: Mapping[str, type[AppError]] = _NO_VIOLATIONS,
) -> Statement[_T]:
    """Return a statement that writes these columns of the row with the parameter `row_id`.

    It returns the model, or no row if all of them are as they were: `updated_at` then stays.
    """
    values = parameters(table, *names)
    differs = tuple_(*(table.c[name] for name in names)).is_distinct_from(tuple_(*values.values()))
    query = update(table).where(table.c.id == bindparam("row_id"), differs)
    query = query.values(**values, updated_at=func.clock_timestamp())
    return Statement(
        query.returning(*columns_of(table, model)), model, tags=tags, violations=violations
    )

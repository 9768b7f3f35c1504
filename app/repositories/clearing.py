"""Statements that delete rows which are of no more use."""

from typing import Any

from sqlalchemy import Column, ColumnElement, Table, bindparam, delete, select

from app.repositories.statements import Statement


def deletion_of_some(table: Table, condition: ColumnElement[bool]) -> Statement[tuple[Any, ...]]:
    """Return a statement that deletes up to `limit` rows, which is its parameter.

    Processes that delete at the same time take different rows and do not wait for each other.
    """
    key = list(table.primary_key)
    over = (
        select(*key)
        .where(condition)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True)
        .cte("over")
    )
    return Statement(delete(table).where(*(column == over.c[column.name] for column in key)), tuple)


def deletion_of_surplus(
    key: Column[Any], owner: Column[Any], *newest_first: ColumnElement[Any], most: int
) -> Statement[tuple[Any, ...]]:
    """Return a statement that deletes the rows of one owner beyond the newest `most`.

    Its parameters are `owned_by`, and `new`: that row stays, whatever the clocks say.
    """
    others = select(key).where(owner == bindparam("owned_by"), key != bindparam("new"))
    surplus = others.order_by(*newest_first).offset(most - 1)
    return Statement(delete(key.table).where(key.in_(surplus)), tuple)

"""Statements that delete rows in bulk: expired rows, and rows beyond a maximum."""

from typing import Any

from sqlalchemy import Column, ColumnElement, Table, bindparam, delete, select

from app.repositories.postgres.statements import Statement


def batch_deletion(table: Table, condition: ColumnElement[bool]) -> Statement[tuple[Any, ...]]:
    """Return a statement that deletes up to `limit` rows for which the condition is true.

    `limit` is a parameter of the statement. Processes that run the statement at the same time
    delete different rows and do not wait for each other.
    """
    key = list(table.primary_key)
    batch = (
        select(*key)
        .where(condition)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True)
        .cte("batch")
    )
    return Statement(
        delete(table).where(*(column == batch.c[column.name] for column in key)), tuple
    )


def surplus_deletion(
    key: Column[Any], owner: Column[Any], *newest_first: ColumnElement[Any], max_rows: int
) -> Statement[tuple[Any, ...]]:
    """Return a statement that deletes the rows of one owner beyond the newest `max_rows`.

    The statement has two parameters: `owned_by` is the owner, and `new` is the key of the row that
    was just inserted. The new row always stays, even if the clocks of the processes differ.
    """
    others = select(key).where(owner == bindparam("owned_by"), key != bindparam("new"))
    surplus = others.order_by(*newest_first).offset(max_rows - 1)
    return Statement(delete(key.table).where(key.in_(surplus)), tuple)

"""Deleting what is over, in batches that get in nobody's way."""

from typing import Any

from sqlalchemy import ColumnElement, Delete, bindparam, delete, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.models import Model


async def delete_some(
    session: AsyncSession, model: type[Model], condition: ColumnElement[bool], *, limit: int
) -> int:
    """Delete up to `limit` rows of a table, and say how many there were.

    Processes that clear at the same time take different rows and do not wait.
    """
    key = inspect(model).primary_key
    over = select(*key).where(condition).limit(limit).with_for_update(skip_locked=True).cte("over")
    query = (
        delete(model)
        .where(*(column == over.c[column.name] for column in key))
        .returning(*key)
        .execution_options(synchronize_session=False)
    )
    return len((await session.execute(query)).all())


def deletion_of_surplus(
    key: InstrumentedAttribute[Any],
    owner: InstrumentedAttribute[Any],
    *newest_first: ColumnElement[Any],
    most: int,
) -> Delete:
    """Build a statement that deletes the rows of one owner beyond the newest `most`.

    Its parameters are `owned_by`, and `new`: that row stays, whatever the clocks say.
    """
    others = select(key).where(owner == bindparam("owned_by"), key != bindparam("new"))
    surplus = others.order_by(*newest_first).offset(most - 1)
    return delete(key.class_).where(key.in_(surplus)).execution_options(synchronize_session=False)

"""Deleting what is over, in batches that get in nobody's way."""

from sqlalchemy import ColumnElement, delete, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession

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

"""Answers given before, as rows."""

from datetime import datetime
from typing import Final

from sqlalchemy import String, bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import IdempotencyKey
from app.repositories.clearing import delete_some
from app.tracing import located

_NAME: Final = bindparam("name", type_=String)
# Built once: to build a statement takes longer than to run it.
_CLAIM: Final = select(func.pg_try_advisory_xact_lock(func.hashtextextended(_NAME, 0)))
_BY_KEY: Final = select(IdempotencyKey).where(
    IdempotencyKey.user_id == bindparam("user_id"),
    IdempotencyKey.route == bindparam("route"),
    IdempotencyKey.key == bindparam("key"),
)


@located
class IdempotencyRepository:
    """Keeps the answers to requests that may be repeated, within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def claim(self, user_id: int, route: str, key: str) -> bool:
        """Be the only one who works on this key until the transaction ends; False if not.

        A lock without a row: whoever comes second learns at once that there is a first,
        and need not wait for how it ends.
        """
        return bool(await self._session.scalar(_CLAIM, {"name": f"{user_id} {route} {key}"}))

    async def get(
        self, user_id: int, route: str, key: str, *, now: datetime
    ) -> IdempotencyKey | None:
        """Find the answer under a key, unless it has expired; then make room for another."""
        by_key = {"user_id": user_id, "route": route, "key": key}
        found = await self._session.scalar(_BY_KEY, by_key)
        if found is None or found.expires_at > now:
            return found
        # Not by the session, for which a row that the sweep has just deleted would be an error.
        query = delete(IdempotencyKey).where(
            IdempotencyKey.user_id == user_id,
            IdempotencyKey.route == route,
            IdempotencyKey.key == key,
        )
        await self._session.execute(query)
        return None

    async def add(self, answer: IdempotencyKey) -> None:
        """Keep an answer, in the same transaction as what it reports."""
        self._session.add(answer)
        await self._session.flush()

    async def clear_expired(self, *, now: datetime, limit: int) -> int:
        """Delete up to `limit` expired answers, and say how many there were."""
        expired = IdempotencyKey.expires_at <= now
        return await delete_some(self._session, IdempotencyKey, expired, limit=limit)

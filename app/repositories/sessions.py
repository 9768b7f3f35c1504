"""Who is signed in, as rows."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Role, Session, User


class SessionRepository:
    """Finds, keeps and ends sessions within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, session: Session) -> Session:
        """Insert a new session; its id is set afterwards."""
        self._session.add(session)
        await self._session.flush()
        return session

    async def get_role(self, session_id: int, *, user_id: int, now: datetime) -> Role | None:
        """Return the role of a user whose session is live, or None if it is not."""
        return await self._session.scalar(
            select(User.role)
            .join(Session, Session.user_id == User.id)
            .where(Session.id == session_id, User.id == user_id)
            .where(Session.expires_at > now, User.erased_at.is_(None))
        )

    async def end_all(self, user_id: int, *, keep: int | None = None) -> None:
        """End every session of a user, but for the one to keep."""
        query = delete(Session).where(Session.user_id == user_id)
        if keep is not None:
            query = query.where(Session.id != keep)
        await self._session.execute(query)

    async def end_expired(self, user_id: int, *, now: datetime) -> None:
        """Clear away what has expired of a user's sessions."""
        query = delete(Session).where(Session.user_id == user_id, Session.expires_at <= now)
        await self._session.execute(query)

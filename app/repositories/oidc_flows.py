"""Sign-ins that have begun, as rows."""

from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import OidcFlow, Session
from app.repositories.clearing import delete_some, deletion_of_surplus
from app.tracing import located

MAX_LINKS_PER_SESSION: Final = 10
"""Of those that were begun and not finished; one more takes the place of the oldest."""
_DELETE_SURPLUS: Final = deletion_of_surplus(
    OidcFlow.state_hash,
    OidcFlow.session_id,
    OidcFlow.expires_at.desc(),
    most=MAX_LINKS_PER_SESSION,
)


@located
class OidcFlowRepository:
    """Keeps what was asked of a provider until the answer comes, within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, flow: OidcFlow) -> bool:
        """Insert a flow. Return False when the session that it is for has ended.

        Delete the flows of that session beyond `MAX_LINKS_PER_SESSION`.
        """
        if flow.session_id is None:
            self._session.add(flow)
            await self._session.flush()
            return True
        # Requests of one session at once wait here, so that each sees the others' rows.
        session = select(Session.id).where(Session.id == flow.session_id)
        if await self._session.scalar(session.with_for_update(key_share=True)) is None:
            return False
        self._session.add(flow)
        await self._session.flush()
        surplus = {"owned_by": flow.session_id, "new": flow.state_hash}
        await self._session.execute(_DELETE_SURPLUS, surplus)
        return True

    async def take(
        self, provider: str, state_hash: bytes, browser_hash: bytes, *, now: datetime
    ) -> OidcFlow | None:
        """Remove the flow and return it: of many who ask at once, one gets it."""
        return await self._session.scalar(
            delete(OidcFlow)
            .where(OidcFlow.state_hash == state_hash, OidcFlow.browser_hash == browser_hash)
            .where(OidcFlow.provider == provider, OidcFlow.expires_at > now)
            .returning(OidcFlow)
        )

    async def clear_expired(self, *, now: datetime, limit: int) -> int:
        """Delete up to `limit` expired flows, and say how many there were."""
        return await delete_some(self._session, OidcFlow, OidcFlow.expires_at <= now, limit=limit)

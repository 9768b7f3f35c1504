"""Sign-ins that have begun, as rows."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import OidcFlow
from app.repositories.clearing import delete_some
from app.repositories.constraints import violated_constraint
from app.tracing import located


@located
class OidcFlowRepository:
    """Keeps what was asked of a provider until the answer comes, within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, flow: OidcFlow) -> bool:
        """Insert a flow. Return False when the session that it is for has ended."""
        self._session.add(flow)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if violated_constraint(error) == "fk_oidc_flows_session_id_sessions":
                return False
            raise
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

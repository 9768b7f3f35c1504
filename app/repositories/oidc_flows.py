"""Sign-ins that have begun, as rows."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import OidcFlow
from app.repositories.clearing import delete_some
from app.repositories.constraints import violated_constraint
from app.tracing import located

MOST_LINKS: Final = 10
"""Links that one session has begun; one more takes the place of the oldest."""
_BEYOND_MOST: Final = delete(OidcFlow).where(
    OidcFlow.state_hash.in_(
        select(OidcFlow.state_hash)
        .where(OidcFlow.session_id == bindparam("of_session"))
        .order_by(OidcFlow.expires_at.desc())
        .offset(MOST_LINKS)
    )
)


@located
class OidcFlowRepository:
    """Keeps what was asked of a provider until the answer comes, within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, flow: OidcFlow) -> bool:
        """Insert a flow, and delete its session's flows beyond `MOST_LINKS`.

        Return False when the session that it is for has ended.
        """
        self._session.add(flow)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if violated_constraint(error) == "fk_oidc_flows_session_id_sessions":
                return False
            raise
        if flow.session_id is not None:
            await self._session.execute(
                _BEYOND_MOST,
                {"of_session": flow.session_id},
                execution_options={"synchronize_session": False},
            )
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

"""Unfinished flows at identity providers (sign-ins, and links of identities), as rows."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, bindparam, delete, insert, select

from app.models import OidcFlow
from app.repositories.postgres.bulk_deletions import batch_deletion, surplus_deletion
from app.repositories.postgres.executor import Executor
from app.repositories.postgres.statements import Statement, columns_of, parameters
from app.repositories.tables import OIDC_FLOWS, SESSIONS

MAX_LINKS_PER_SESSION: Final = 10
"""The maximum number of unfinished links. A further link replaces the oldest link."""

_NOW: Final[BindParameter[Any]] = bindparam("now")
_ADD: Final = Statement(
    insert(OIDC_FLOWS).values(parameters(OIDC_FLOWS, *(column.name for column in OIDC_FLOWS.c))),
    tuple,
)
_LOCK_SESSION: Final = Statement(
    select(SESSIONS.c.id)
    .where(SESSIONS.c.id == bindparam("session_id"))
    .with_for_update(key_share=True),
    int,
)
_DELETE_SURPLUS: Final = surplus_deletion(
    OIDC_FLOWS.c.state_hash,
    OIDC_FLOWS.c.session_id,
    OIDC_FLOWS.c.expires_at.desc(),
    max_rows=MAX_LINKS_PER_SESSION,
)
_TAKE: Final = Statement(
    delete(OIDC_FLOWS)
    .where(
        *(
            OIDC_FLOWS.c[name] == parameter
            for name, parameter in parameters(
                OIDC_FLOWS, "state_hash", "browser_hash", "provider"
            ).items()
        ),
        OIDC_FLOWS.c.expires_at > _NOW,
    )
    .returning(*columns_of(OIDC_FLOWS, OidcFlow)),
    OidcFlow,
)
_CLEAR_EXPIRED: Final = batch_deletion(OIDC_FLOWS, OIDC_FLOWS.c.expires_at <= _NOW)


class OidcFlowRepository:
    """Stores a flow until the response of the provider arrives."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def add(self, flow: OidcFlow) -> bool:
        """Insert a flow. Return False if the flow belongs to a session that has ended.

        If the session then has more than `MAX_LINKS_PER_SESSION` flows, delete its oldest flows.
        """
        session_id = flow.session_id
        if session_id is None:
            await self._executor.execute(_ADD, **asdict(flow))
            return True
        # Concurrent requests of one session wait here, so that each request sees the rows of the
        # requests before it.
        if await self._executor.fetch_one(_LOCK_SESSION, session_id=session_id) is None:
            return False
        await self._executor.execute(_ADD, **asdict(flow))
        await self._executor.execute(_DELETE_SURPLUS, owned_by=session_id, new=flow.state_hash)
        return True

    async def take(
        self, provider: str, state_hash: bytes, browser_hash: bytes, *, now: datetime
    ) -> OidcFlow | None:
        """Delete a flow and return it. Of several concurrent calls, only one gets the flow."""
        return await self._executor.fetch_one(
            _TAKE, provider=provider, state_hash=state_hash, browser_hash=browser_hash, now=now
        )

    async def clear_expired(self, *, now: datetime, limit: int) -> int:
        """Delete up to `limit` expired flows, and return their number."""
        return await self._executor.execute(_CLEAR_EXPIRED, now=now, limit=limit)

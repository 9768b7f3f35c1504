"""Deletes the rows that the service no longer needs."""

from datetime import UTC, datetime
from typing import Final

from app.models import SessionLifetime
from app.models.messages import LINK_LIFETIMES, UNSENT_KEPT_FOR
from app.store import Store
from app.tracing import staged_methods

_SENT_KEPT_FOR: Final = max(LINK_LIFETIMES.values())
"""How long a message is kept after it was sent."""


@staged_methods("service")
class SweepService:
    """Deletes expired and unused rows."""

    def __init__(self, store: Store, lifetime: SessionLifetime) -> None:
        self._store = store
        self._idle = lifetime.idle

    async def sweep(self) -> dict[str, int]:
        """Delete all rows that are too old, and return the numbers of deleted rows by kind."""
        now = datetime.now(UTC)
        delete = self._store.delete_in_batches
        return {
            "idempotency_keys": await delete(
                lambda tx, limit: tx.idempotency_keys.clear_expired(now=now, limit=limit)
            ),
            "sessions": await delete(
                lambda tx, limit: tx.sessions.clear_unused(used_since=now - self._idle, limit=limit)
            ),
            "oidc_flows": await delete(
                lambda tx, limit: tx.flows.clear_expired(now=now, limit=limit)
            ),
            "messages": await delete(
                lambda tx, limit: tx.messages.clear(
                    sent_until=now - _SENT_KEPT_FOR,
                    created_until=now - UNSENT_KEPT_FOR,
                    limit=limit,
                )
            ),
            "failed_jobs": await delete(
                lambda tx, limit: tx.jobs.clear_failed(
                    failed_until=now - UNSENT_KEPT_FOR, limit=limit
                )
            ),
        }

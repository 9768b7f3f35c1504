"""Identities at providers, as rows."""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import IdentityTaken
from app.models import Identity, User
from app.repositories.constraints import violated_constraint
from app.tracing import located


@located
class IdentityRepository:
    """Finds and keeps identities within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get_user_locked(self, issuer: str, subject: str) -> User | None:
        """Find whose identity this is, and let nobody change that user meanwhile."""
        return await self._session.scalar(
            select(User)
            .join(Identity, Identity.user_id == User.id)
            .where(Identity.issuer == issuer, Identity.subject == subject)
            .where(User.erased_at.is_(None))
            .with_for_update(key_share=True, of=User)
        )

    async def add(self, identity: Identity) -> None:
        """Insert an identity. Raises `IdentityTaken` when somebody has it."""
        self._session.add(identity)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if violated_constraint(error) == "pk_identities":
                raise IdentityTaken from error
            raise

    async def list_for_user(self, user_id: int, *, after: int, limit: int) -> list[Identity]:
        """List up to `limit` identities of a user in the order of their ids, behind `after`."""
        query = select(Identity).where(Identity.user_id == user_id, Identity.id > after)
        return list(await self._session.scalars(query.order_by(Identity.id).limit(limit)))

    async def note_use(self, issuer: str, subject: str, *, now: datetime) -> None:
        """Note that somebody signs in with an identity now."""
        query = update(Identity).where(Identity.issuer == issuer, Identity.subject == subject)
        await self._session.execute(query.values(last_used_at=now))

    async def remove(self, identity_id: int, *, user_id: int) -> bool:
        """Remove one identity of a user, and say whether it was there."""
        removed = await self._session.scalar(
            delete(Identity)
            .where(Identity.id == identity_id, Identity.user_id == user_id)
            .returning(Identity.id)
        )
        return removed is not None

    async def remove_linked_elsewhere(self, user_id: int, *, session_id: int) -> None:
        """Remove the identities that were linked in another session, which may have ended."""
        # For the identity that the account was created with, session_id is NULL.
        linked = Identity.session_id.is_not(None) & (Identity.session_id != session_id)
        await self._session.execute(delete(Identity).where(Identity.user_id == user_id, linked))

    async def remove_all(self, user_id: int) -> None:
        """Forget every identity of a user."""
        await self._session.execute(delete(Identity).where(Identity.user_id == user_id))

"""Identities at providers, as rows."""

from sqlalchemy import delete, select
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

    async def remove_all(self, user_id: int) -> None:
        """Forget every identity of a user."""
        await self._session.execute(delete(Identity).where(Identity.user_id == user_id))

"""The accounts, as rows. Erased ones are never found here."""

from typing import Final

from sqlalchemy import ColumnElement, Select, bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import EmailTaken
from app.models import User
from app.repositories.constraints import violated_constraint
from app.tracing import located


def _live(condition: ColumnElement[bool]) -> Select[User]:
    return select(User).where(condition, User.erased_at.is_(None))


# Built once: to build a statement takes longer than to run it.
_BY_ID: Final = _live(User.id == bindparam("user_id"))
_BY_ID_LOCKED: Final = _BY_ID.with_for_update(key_share=True)
_BY_EMAIL: Final = _live(User.email == bindparam("email"))
_KEEP: Final = (
    select(User.id)
    .where(User.id == bindparam("user_id"), User.erased_at.is_(None))
    .with_for_update(read=True, key_share=True)
)


@located
class UserRepository:
    """Finds and keeps users within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, user: User) -> User:
        """Insert a new user. Raises `EmailTaken` when the unique index says so."""
        self._session.add(user)
        await self.flush()
        return user

    async def get(self, user_id: int) -> User | None:
        """Find a user by id."""
        return await self._session.scalar(_BY_ID, {"user_id": user_id})

    async def get_locked(self, user_id: int) -> User | None:
        """Find a user by id, and let nobody else change it until the transaction ends."""
        return await self._session.scalar(_BY_ID_LOCKED, {"user_id": user_id})

    async def keep_from_erasure(self, user_id: int) -> bool:
        """Have an erasure of this user wait until the transaction ends; False if it is erased.

        FOR KEY SHARE is enough: an erasure sets the email, and PostgreSQL locks a row FOR UPDATE
        to change a column that has a unique index on all rows.
        """
        return await self._session.scalar(_KEEP, {"user_id": user_id}) is not None

    async def get_by_email(self, email: str) -> User | None:
        """Find a user by normalised email."""
        return await self._session.scalar(_BY_EMAIL, {"email": email})

    async def list_after(self, user_id: int, *, limit: int, email: str | None = None) -> list[User]:
        """List up to `limit` users in the order of signup, from behind `user_id` on."""
        query = _live(User.id > user_id)
        if email is not None:
            query = query.where(User.email == email)
        return list(await self._session.scalars(query.order_by(User.id).limit(limit)))

    async def flush(self) -> None:
        """Write what has changed. Raises `EmailTaken` when the unique index says so."""
        try:
            await self._session.flush()
        except IntegrityError as error:
            if violated_constraint(error) == "uq_users_email":
                raise EmailTaken from error
            raise

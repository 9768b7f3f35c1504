"""Identities at identity providers, as rows."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update

from app.errors import IdentityTaken
from app.models import Identity, User
from app.repositories.postgres.executor import Executor
from app.repositories.postgres.statements import Statement, columns_of, parameters
from app.repositories.tables import IDENTITIES, NOT_ERASED, USERS

_HAS_SUBJECT: Final = (
    IDENTITIES.c.issuer == bindparam("issuer"),
    IDENTITIES.c.subject == bindparam("subject"),
)
_HAS_ID: Final = IDENTITIES.c.id == bindparam("identity_id")
_OF_USER: Final = IDENTITIES.c.user_id == bindparam("user_id")

_USER_LOCKED: Final = Statement(
    select(*columns_of(USERS, User))
    .join(IDENTITIES, IDENTITIES.c.user_id == USERS.c.id)
    .where(*_HAS_SUBJECT, NOT_ERASED)
    .with_for_update(key_share=True, of=USERS),
    User,
)
_ADD: Final = Statement(
    insert(IDENTITIES).values(parameters(IDENTITIES, "issuer", "subject", "user_id", "session_id")),
    tuple,
    violations={"pk_identities": IdentityTaken},
)
_AFTER: Final = Statement(
    select(*columns_of(IDENTITIES, Identity))
    .where(_OF_USER, IDENTITIES.c.id > bindparam("identity_id"))
    .order_by(IDENTITIES.c.id)
    .limit(bindparam("limit")),
    Identity,
)
_NOTE_USE: Final = Statement(
    update(IDENTITIES).where(*_HAS_SUBJECT).values(parameters(IDENTITIES, "last_used_at")), tuple
)
_REMOVE: Final = Statement(
    delete(IDENTITIES).where(_OF_USER, _HAS_ID).returning(IDENTITIES.c.issuer), str
)
# The identity that the account was created with is not removed, because its session_id is NULL.
_REMOVE_LINKED_ELSEWHERE: Final = Statement(
    delete(IDENTITIES).where(
        _OF_USER,
        IDENTITIES.c.session_id.is_not(None),
        IDENTITIES.c.session_id != bindparam("session_id"),
    ),
    tuple,
)
_REMOVE_LINKED: Final = Statement(
    delete(IDENTITIES).where(_OF_USER, IDENTITIES.c.session_id.is_not(None)), tuple
)
_REMOVE_ALL: Final = Statement(delete(IDENTITIES).where(_OF_USER), tuple)


class IdentityRepository:
    """Stores identities."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def get_user_for_update(self, issuer: str, subject: str) -> User | None:
        """Find the user with this identity and lock the user until the transaction ends."""
        return await self._executor.fetch_one(_USER_LOCKED, issuer=issuer, subject=subject)

    async def add(self, *, issuer: str, subject: str, user_id: int, session_id: int | None) -> None:
        """Insert an identity. Raises `IdentityTaken` if a user already has the identity.

        `session_id` is the session in which the user links the identity, or None for the identity
        that the account is created with.
        """
        await self._executor.execute(
            _ADD, issuer=issuer, subject=subject, user_id=user_id, session_id=session_id
        )

    async def list_for_user(self, user_id: int, *, after: int, limit: int) -> list[Identity]:
        """List up to `limit` identities of a user with ids above `after`, in the order of ids."""
        return await self._executor.fetch_all(
            _AFTER, user_id=user_id, identity_id=after, limit=limit
        )

    async def note_use(self, issuer: str, subject: str, *, now: datetime) -> None:
        """Set the time of the last sign-in with an identity."""
        await self._executor.execute(_NOTE_USE, issuer=issuer, subject=subject, last_used_at=now)

    async def remove(self, identity_id: int, *, user_id: int) -> str | None:
        """Remove one identity of a user, and return its issuer. None if it did not exist."""
        return await self._executor.fetch_one(_REMOVE, user_id=user_id, identity_id=identity_id)

    async def remove_linked_elsewhere(self, user_id: int, *, session_id: int) -> None:
        """Remove a user's identities that were linked in other sessions, even ended sessions."""
        await self._executor.execute(
            _REMOVE_LINKED_ELSEWHERE, user_id=user_id, session_id=session_id
        )

    async def remove_linked(self, user_id: int) -> None:
        """Remove a user's identities that were linked in any session."""
        await self._executor.execute(_REMOVE_LINKED, user_id=user_id)

    async def remove_all(self, user_id: int) -> None:
        """Remove every identity of a user."""
        await self._executor.execute(_REMOVE_ALL, user_id=user_id)

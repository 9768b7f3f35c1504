"""User accounts, as rows. No method returns an erased account."""

from collections.abc import Collection, Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    any_,
    bindparam,
    func,
    null,
    select,
    update,
)

from app.errors import EmailTaken
from app.models import Role, User
from app.models.cached_reads import user_tag
from app.repositories.postgres.executor import Executor
from app.repositories.postgres.statements import (
    Statement,
    change,
    columns_of,
    insertion,
    parameters,
)
from app.repositories.tables import NOT_ERASED, USERS


def _tags(user: User) -> Iterable[str]:
    return (user_tag(user.id),)


def _live(*conditions: ColumnElement[bool]) -> Select[User]:
    return select(*columns_of(USERS, User)).where(*conditions, NOT_ERASED)


_VIOLATIONS: Final = {"uq_users_email": EmailTaken}
_INSERTED: Final = ("name", "email", "email_confirmed", "password_hash", "role")
_WRITABLE: Final = (*_INSERTED, "disabled_at")
_HAS_ID: Final = USERS.c.id == bindparam("user_id")
_BY_IDS: Final = Statement(
    _live(USERS.c.id == any_(bindparam("user_ids", type_=ARRAY(BigInteger)))), User
)
_LOCK: Final = _live(_HAS_ID).with_for_update(key_share=True)
_PAGE: Final = _live(USERS.c.id > bindparam("after")).order_by(USERS.c.id).limit(bindparam("limit"))

_ADD: Final = Statement(insertion(USERS, User, *_INSERTED), User, violations=_VIOLATIONS)
_BY_ID: Final = Statement(_live(_HAS_ID), User)
_BY_ID_LOCKED: Final = Statement(_LOCK, User)
_BY_ID_TO_CHANGE: Final = Statement(_LOCK, User, tags=_tags)
_HAS_EMAIL: Final = _live(USERS.c.email == bindparam("email"))
_BY_EMAIL: Final = Statement(_HAS_EMAIL, User)
_BY_EMAIL_LOCKED: Final = Statement(_HAS_EMAIL.with_for_update(key_share=True), User)
_LOCK_AGAINST_ERASURE: Final = Statement(
    select(USERS.c.id).where(_HAS_ID, NOT_ERASED).with_for_update(read=True, key_share=True),
    int,
)
_AFTER: Final = Statement(_PAGE, User)
_NEWEST: Final = Statement(_live().order_by(USERS.c.id.desc()).limit(bindparam("limit")), User)
_SAVE: Final = Statement(change(USERS, User, *_WRITABLE), User, tags=_tags, violations=_VIOLATIONS)
# All other columns count as personal data, and an erasure sets them to NULL. This includes columns
# that are added later. `email_confirmed` is kept because it cannot be NULL.
_KEPT_WHEN_ERASED: Final = {
    "id",
    "email_confirmed",
    "role",
    "created_at",
    "updated_at",
    "erased_at",
}
_ERASE: Final = Statement(
    update(USERS)
    .where(_HAS_ID)
    .values({column: null() for column in USERS.c if column.name not in _KEPT_WHEN_ERASED})
    .values(**parameters(USERS, "erased_at"), updated_at=func.clock_timestamp())
    .returning(USERS.c.id),
    int,
    tags=lambda user_id: (user_tag(user_id),),
)


class UserRepository:
    """Stores users."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def add(
        self,
        *,
        name: str,
        email: str,
        password_hash: str | None,
        email_confirmed: bool = False,
        role: Role = Role.USER,
    ) -> User:
        """Insert a new user. Raises `EmailTaken` if another user has the email."""
        return await self._executor.fetch_row(
            _ADD,
            name=name,
            email=email,
            email_confirmed=email_confirmed,
            password_hash=password_hash,
            role=role,
        )

    async def get(self, user_id: int) -> User | None:
        """Find a user by id."""
        return await self._executor.fetch_one(_BY_ID, user_id=user_id)

    async def list_by_ids(self, user_ids: Collection[int]) -> list[User]:
        """Find the users with these ids. The result is not sorted."""
        return await self._executor.fetch_all(_BY_IDS, user_ids=list(user_ids))

    async def get_for_update(self, user_id: int) -> User | None:
        """Find a user by id and lock it until the transaction ends."""
        return await self._executor.fetch_one(_BY_ID_LOCKED, user_id=user_id)

    async def get_to_change(self, user_id: int) -> User | None:
        """Find a user by id, lock it for this transaction, and invalidate its cached reads."""
        return await self._executor.fetch_one(_BY_ID_TO_CHANGE, user_id=user_id)

    async def lock_against_erasure(self, user_id: int) -> bool:
        """Lock a user against erasure until the transaction ends. Return False for an erased user.

        The lock FOR KEY SHARE is enough. An erasure changes the email, which has a unique index on
        all rows. To change such a column, PostgreSQL locks the row FOR UPDATE, which conflicts with
        FOR KEY SHARE.
        """
        return await self._executor.fetch_one(_LOCK_AGAINST_ERASURE, user_id=user_id) is not None

    async def get_by_email(self, email: str) -> User | None:
        """Find a user by normalised email."""
        return await self._executor.fetch_one(_BY_EMAIL, email=email)

    async def get_by_email_locked(self, email: str) -> User | None:
        """Find a user by normalised email and lock it until the transaction ends."""
        return await self._executor.fetch_one(_BY_EMAIL_LOCKED, email=email)

    async def list_after(self, user_id: int, *, limit: int) -> list[User]:
        """List up to `limit` users with ids above `user_id`, in the order of signup."""
        return await self._executor.fetch_all(_AFTER, after=user_id, limit=limit)

    async def list_newest(self, *, limit: int) -> list[User]:
        """List up to `limit` users, the newest first."""
        return await self._executor.fetch_all(_NEWEST, limit=limit)

    async def save(self, user: User) -> User:
        """Update a user, and return the updated user.

        All columns that can change are written, so the caller must have locked the user.
        Raises `EmailTaken` if another user has the email.
        """
        return await self._executor.fetch_one(_SAVE, **asdict(user)) or user

    async def erase(self, user_id: int, *, now: datetime) -> None:
        """Delete a user's personal data. The email can then be used for a new account."""
        await self._executor.fetch_one(_ERASE, user_id=user_id, erased_at=now)

"""Sessions and spent refresh tokens, as rows."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import BindParameter, bindparam, delete, insert, select, update

from app.models import Principal, Session
from app.repositories.postgres.bulk_deletions import batch_deletion, surplus_deletion
from app.repositories.postgres.executor import Executor
from app.repositories.postgres.statements import Statement, columns_of, insertion, parameters
from app.repositories.tables import NOT_ERASED, SESSIONS, SPENT_REFRESH_TOKENS, USERS

MAX_SESSIONS_PER_USER: Final = 100
"""A new session beyond this number ends the user's least recently used session."""
MAX_REFRESHES_PER_SESSION: Final = 50_000
"""After this many refreshes, the user must log in again: after 34 days of one refresh a minute."""

_MAX_ID: Final = 2**63 - 1
_COLUMNS: Final = columns_of(SESSIONS, Session)
_NOW: Final[BindParameter[Any]] = bindparam("now")
_LIVE: Final = (SESSIONS.c.expires_at > _NOW) & (SESSIONS.c.last_used_at > bindparam("used_since"))
_HAS_ID: Final = SESSIONS.c.id == bindparam("session_id")
_OF_USER: Final = SESSIONS.c.user_id == bindparam("user_id")
_PRINCIPAL: Final = (
    select(
        SESSIONS.c.user_id,
        SESSIONS.c.id,
        USERS.c.role,
        SESSIONS.c.last_used_at,
        SESSIONS.c.created_at,
        SESSIONS.c.cookie_hash.is_not(None),
    )
    .join(USERS, SESSIONS.c.user_id == USERS.c.id)
    .where(_LIVE, NOT_ERASED, USERS.c.disabled_at.is_(None))
)
_REACHED_MAX_REFRESHES: Final = (
    select(SPENT_REFRESH_TOKENS.c.session_id)
    .where(SPENT_REFRESH_TOKENS.c.session_id == SESSIONS.c.id)
    .correlate(SESSIONS)
    .offset(MAX_REFRESHES_PER_SESSION - 1)
    .exists()
)
_SESSION_OF_SPENT_TOKEN: Final = select(SPENT_REFRESH_TOKENS.c.session_id).where(
    SPENT_REFRESH_TOKENS.c.token_hash == bindparam("token_hash")
)

_SECRETS: Final = ("refresh_token_hash", "cookie_hash")
_ADD: Final = Statement(
    insertion(SESSIONS, Session, "user_id", *_SECRETS, "user_agent", "expires_at"), Session
)
_END_SURPLUS: Final = surplus_deletion(
    SESSIONS.c.id,
    SESSIONS.c.user_id,
    SESSIONS.c.last_used_at.desc(),
    SESSIONS.c.id.desc(),
    max_rows=MAX_SESSIONS_PER_USER,
)
_BY_ID: Final = Statement(_PRINCIPAL.where(_HAS_ID, _OF_USER), Principal)
_BY_COOKIE: Final = Statement(
    _PRINCIPAL.where(SESSIONS.c.cookie_hash == bindparam("cookie_hash")), Principal
)
_FIND: Final = Statement(select(*_COLUMNS).where(_HAS_ID, _OF_USER, _LIVE), Session)
_LOCK_AGAINST_ENDING: Final = Statement(
    select(SESSIONS.c.id).where(_HAS_ID, _OF_USER).with_for_update(read=True, key_share=True), int
)
_BEFORE: Final = Statement(
    select(*_COLUMNS)
    .where(_OF_USER, _LIVE, SESSIONS.c.id < bindparam("before"))
    .order_by(SESSIONS.c.id.desc())
    .limit(bindparam("limit")),
    Session,
)
_TOUCH: Final = Statement(
    update(SESSIONS).where(_HAS_ID, SESSIONS.c.last_used_at < _NOW).values(last_used_at=_NOW), tuple
)
_ROTATE: Final = Statement(
    update(SESSIONS)
    .where(SESSIONS.c.refresh_token_hash == bindparam("token_hash"), _LIVE, ~_REACHED_MAX_REFRESHES)
    .values(**parameters(SESSIONS, "refresh_token_hash"), last_used_at=_NOW)
    .returning(*_COLUMNS),
    Session,
)
_ADD_SPENT: Final = Statement(
    insert(SPENT_REFRESH_TOKENS).values(
        parameters(SPENT_REFRESH_TOKENS, "token_hash", "session_id")
    ),
    tuple,
)
_END_SPENT: Final = Statement(
    delete(SESSIONS)
    .where(SESSIONS.c.id == _SESSION_OF_SPENT_TOKEN.scalar_subquery())
    .returning(*_COLUMNS),
    Session,
)
_END: Final = Statement(delete(SESSIONS).where(_HAS_ID, _OF_USER), tuple)
_END_ALL: Final = Statement(delete(SESSIONS).where(_OF_USER), tuple)
_END_OTHERS: Final = Statement(
    delete(SESSIONS).where(_OF_USER, SESSIONS.c.id != bindparam("keep")), tuple
)
_CLEAR_UNUSED: Final = batch_deletion(SESSIONS, SESSIONS.c.last_used_at <= bindparam("used_since"))


class SessionRepository:
    """Stores and ends sessions.

    A session is live until `expires_at`, or until it has been unused for the duration `idle`,
    whichever is earlier.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.changed_users = set[int]()
        """Users whose sessions may have changed. `Store` removes them from the session cache."""

    async def add(  # noqa: PLR0913 - the columns of the row, and the session to end
        self,
        *,
        user_id: int,
        user_agent: str | None,
        expires_at: datetime,
        refresh_token_hash: bytes | None = None,
        cookie_hash: bytes | None = None,
        replaces: Principal | None = None,
    ) -> Session:
        """Insert a new session, with the hash of either a refresh token or a cookie.

        Ends the session of `replaces`. If the user then has more than `MAX_SESSIONS_PER_USER`
        sessions, ends the least recently used of these.
        """
        if replaces is not None:
            await self.end(replaces.session_id, user_id=replaces.user_id)
        self.changed_users.add(user_id)
        session = await self._executor.fetch_row(
            _ADD,
            user_id=user_id,
            user_agent=user_agent,
            expires_at=expires_at,
            refresh_token_hash=refresh_token_hash,
            cookie_hash=cookie_hash,
        )
        await self._executor.execute(_END_SURPLUS, owned_by=user_id, new=session.id)
        return session

    async def get_principal(
        self, session_id: int, *, user_id: int, now: datetime, idle: timedelta
    ) -> Principal | None:
        """Return the principal of a user's live session."""
        return await self._executor.fetch_one(
            _BY_ID, session_id=session_id, user_id=user_id, now=now, used_since=now - idle
        )

    async def get_principal_by_cookie(
        self, cookie_hash: bytes, *, now: datetime, idle: timedelta
    ) -> Principal | None:
        """Return the principal of the live session with this cookie."""
        return await self._executor.fetch_one(
            _BY_COOKIE, cookie_hash=cookie_hash, now=now, used_since=now - idle
        )

    async def get(
        self, session_id: int, *, user_id: int, now: datetime, idle: timedelta
    ) -> Session | None:
        """Find one of a user's live sessions."""
        return await self._executor.fetch_one(
            _FIND, session_id=session_id, user_id=user_id, now=now, used_since=now - idle
        )

    async def lock_against_ending(self, caller: Principal) -> None:
        """Lock the caller's session, so that it cannot end before the transaction ends.

        Raises `InvalidToken` or `InvalidSession` if the session has already ended. This can happen
        because the session cache of this process may still contain a session that another process
        has ended.
        """
        locked = await self._executor.fetch_one(
            _LOCK_AGAINST_ENDING, session_id=caller.session_id, user_id=caller.user_id
        )
        if locked is None:
            raise caller.session_ended_error()

    async def list_for_user(
        self, user_id: int, *, before: int | None, limit: int, now: datetime, idle: timedelta
    ) -> list[Session]:
        """List up to `limit` live sessions of a user with ids below `before`, newest first."""
        return await self._executor.fetch_all(
            _BEFORE,
            user_id=user_id,
            before=before or _MAX_ID,
            limit=limit,
            now=now,
            used_since=now - idle,
        )

    async def touch(self, session_id: int, *, now: datetime) -> None:
        """Set the time of the last use of a session."""
        await self._executor.execute(_TOUCH, session_id=session_id, now=now)

    async def rotate(
        self, spent: bytes, new: bytes, *, now: datetime, idle: timedelta
    ) -> Session | None:
        """Replace the hash `spent` of a live session's refresh token by `new`; return the session.

        Returns None if no live session has the token, or if the session was already refreshed
        `MAX_REFRESHES_PER_SESSION` times. Of concurrent calls with the same token, only one
        succeeds.
        """
        session = await self._executor.fetch_one(
            _ROTATE, token_hash=spent, refresh_token_hash=new, now=now, used_since=now - idle
        )
        if session is not None:
            await self._executor.execute(_ADD_SPENT, token_hash=spent, session_id=session.id)
        return session

    async def end_spent(self, token_hash: bytes) -> Session | None:
        """End the session that this spent refresh token belonged to, and return the session."""
        session = await self._executor.fetch_one(_END_SPENT, token_hash=token_hash)
        if session is not None:
            self.changed_users.add(session.user_id)
        return session

    async def end(self, session_id: int, *, user_id: int) -> bool:
        """End one session of a user, and return whether the session existed."""
        self.changed_users.add(user_id)
        return bool(await self._executor.execute(_END, session_id=session_id, user_id=user_id))

    async def end_all(self, user_id: int) -> None:
        """End every session of a user."""
        self.changed_users.add(user_id)
        await self._executor.execute(_END_ALL, user_id=user_id)

    async def end_others(self, user_id: int, *, keep: int) -> None:
        """End every session of a user except `keep`."""
        self.changed_users.add(user_id)
        await self._executor.execute(_END_OTHERS, user_id=user_id, keep=keep)

    async def clear_unused(self, *, used_since: datetime, limit: int) -> int:
        """Delete up to `limit` sessions not used after `used_since`, and return their number.

        Expired sessions are deleted by the same rule: when their last use is old enough.
        """
        return await self._executor.execute(_CLEAR_UNUSED, used_since=used_since, limit=limit)

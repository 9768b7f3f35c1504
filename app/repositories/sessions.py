"""Who is signed in, as rows."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    delete,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Principal, Role, Session, SpentRefreshToken, User
from app.repositories.clearing import delete_some, deletion_of_surplus
from app.tracing import located

_Moment = datetime | BindParameter[datetime]


def _live(now: _Moment, used_since: _Moment) -> ColumnElement[bool]:
    return and_(Session.expires_at > now, Session.last_used_at > used_since)


# Built once: to build a statement takes longer than to run it.
_PRINCIPAL: Final = (
    select(
        Session.user_id,
        Session.id,
        User.role,
        Session.last_used_at,
        Session.created_at,
        Session.cookie_hash.is_not(None),
    )
    .join(User, Session.user_id == User.id)
    .where(_live(bindparam("now"), bindparam("used_since")), User.erased_at.is_(None))
)
_BY_ID: Final = _PRINCIPAL.where(
    Session.id == bindparam("session_id"), User.id == bindparam("user_id")
)
_BY_COOKIE: Final = _PRINCIPAL.where(Session.cookie_hash == bindparam("cookie_hash"))

MAX_SESSIONS_PER_USER: Final = 100
"""A new session beyond this number ends the one that was unused for the longest time."""
_END_SURPLUS: Final = deletion_of_surplus(
    Session.id,
    Session.user_id,
    Session.last_used_at.desc(),
    Session.id.desc(),
    most=MAX_SESSIONS_PER_USER,
)

MAX_REFRESHES_PER_SESSION: Final = 50_000
"""After so many the user logs in again. With one refresh a minute, that is after 34 days."""
_MAY_REFRESH: Final = ~(
    select(SpentRefreshToken.session_id)
    .where(SpentRefreshToken.session_id == Session.id)
    .correlate(Session)
    .offset(MAX_REFRESHES_PER_SESSION - 1)
    .exists()
)


@located
class SessionRepository:
    """Finds, keeps and ends sessions within one transaction.

    A session is live until its time is up, or it was not used for `idle`.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, session: Session) -> Session:
        """Insert a new session; its id is set afterwards.

        End the sessions of its user beyond `MAX_SESSIONS_PER_USER`.
        """
        self._session.add(session)
        await self._session.flush()
        await self._session.execute(_END_SURPLUS, {"owned_by": session.user_id, "new": session.id})
        return session

    async def get(
        self, session_id: int, *, user_id: int, now: datetime, idle: timedelta
    ) -> Principal | None:
        """Find who asks in a user's live session."""
        which = {"session_id": session_id, "user_id": user_id}
        return await self._principal(_BY_ID, {**which, "now": now, "used_since": now - idle})

    async def get_by_cookie(
        self, cookie_hash: bytes, *, now: datetime, idle: timedelta
    ) -> Principal | None:
        """Find who asks in the live session with this cookie."""
        which = {"cookie_hash": cookie_hash}
        return await self._principal(_BY_COOKIE, {**which, "now": now, "used_since": now - idle})

    async def _principal(
        self,
        query: Select[int, int, Role, datetime, datetime, bool],
        values: dict[str, object],
    ) -> Principal | None:
        row = (await self._session.execute(query, values)).one_or_none()
        return Principal(*row) if row else None

    async def find(
        self, session_id: int, *, user_id: int, now: datetime, idle: timedelta
    ) -> Session | None:
        """Find one of a user's live sessions."""
        mine = and_(Session.id == session_id, Session.user_id == user_id)
        return await self._session.scalar(select(Session).where(mine, _live(now, now - idle)))

    async def keep_from_ending(self, caller: Principal) -> None:
        """Have the end of the caller's session wait until the transaction ends.

        Raises `InvalidToken` or `InvalidSession` if it has ended: another process may have ended
        it a moment ago, and this one may not have heard of it yet.
        """
        mine = and_(Session.id == caller.session_id, Session.user_id == caller.user_id)
        locked = select(Session.id).where(mine).with_for_update(read=True, key_share=True)
        if await self._session.scalar(locked) is None:
            raise caller.session_ended()

    async def list_for_user(
        self, user_id: int, *, before: int | None, limit: int, now: datetime, idle: timedelta
    ) -> list[Session]:
        """List a user's live sessions, newest first, those from before the id `before`."""
        query = select(Session).where(Session.user_id == user_id, _live(now, now - idle))
        if before is not None:
            query = query.where(Session.id < before)
        return list(await self._session.scalars(query.order_by(Session.id.desc()).limit(limit)))

    async def touch(self, session_id: int, *, now: datetime) -> None:
        """Note that a session is in use."""
        query = update(Session).where(Session.id == session_id, Session.last_used_at < now)
        await self._session.execute(query.values(last_used_at=now))

    async def rotate(
        self, spent: bytes, new: bytes, *, now: datetime, idle: timedelta
    ) -> Session | None:
        """Trade a live session's refresh token for a new one; None if it is not the one it has.

        None too for a session that was refreshed `MAX_REFRESHES_PER_SESSION` times.

        Of many who come with the same token, the database lets one through.
        """
        session = await self._session.scalar(
            update(Session)
            .where(Session.refresh_token_hash == spent, _live(now, now - idle), _MAY_REFRESH)
            .values(refresh_token_hash=new, last_used_at=now)
            .returning(Session)
        )
        if session is not None:
            self._session.add(SpentRefreshToken(token_hash=spent, session_id=session.id))
            await self._session.flush()
        return session

    async def end_spent(self, token_hash: bytes) -> Session | None:
        """End the session whose refresh token this once was, and return it."""
        once = select(SpentRefreshToken.session_id).where(
            SpentRefreshToken.token_hash == token_hash
        )
        return await self._session.scalar(
            delete(Session).where(Session.id == once.scalar_subquery()).returning(Session)
        )

    async def end(self, session_id: int, *, user_id: int) -> bool:
        """End one session of a user, and say whether there was such a one."""
        ended = await self._session.scalar(
            delete(Session)
            .where(Session.id == session_id, Session.user_id == user_id)
            .returning(Session.id)
        )
        return ended is not None

    async def end_all(self, user_id: int, *, keep: int | None = None) -> None:
        """End every session of a user, but for the one to keep."""
        query = delete(Session).where(Session.user_id == user_id)
        if keep is not None:
            query = query.where(Session.id != keep)
        await self._session.execute(query)

    async def clear_unused(self, *, used_since: datetime, limit: int) -> int:
        """Delete up to `limit` sessions that nobody has used since, and say how many there were.

        Those whose time is up are among them, for nobody can use them.
        """
        unused = Session.last_used_at <= used_since
        return await delete_some(self._session, Session, unused, limit=limit)

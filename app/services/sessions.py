"""Authentication by token or cookie, and the list and the end of sessions."""

from collections.abc import Awaitable, Callable, Hashable
from datetime import UTC, datetime, timedelta

from app.adapters.cursors import Cursors
from app.adapters.session_cache import LoadPrincipal, SessionCache
from app.adapters.tokens import AccessTokens, Claims, hash_of
from app.errors import InvalidSession, InvalidToken, NotFound, existing
from app.models import Principal, SessionLifetime
from app.repositories.sessions import SessionRepository
from app.schemas.auth import PublicKey, PublicKeys
from app.schemas.sessions import SessionPage, SessionRead
from app.store import Store
from app.tracing import staged, staged_methods

__all__ = ["Principal", "SessionService"]

_LAST_USE_PRECISION = timedelta(minutes=1)
"""The last use of a session is written to PostgreSQL at most once in this time."""
_Find = Callable[[SessionRepository, datetime], Awaitable[Principal | None]]
_Lookup = tuple[Hashable, LoadPrincipal]


@staged_methods("service")
class SessionService:
    """Finds the session of a token or cookie. Lists and ends sessions."""

    def __init__(
        self,
        store: Store,
        tokens: AccessTokens,
        cache: SessionCache,
        cursors: Cursors,
        lifetime: SessionLifetime,
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._cache = cache
        self._cursors = cursors
        self._idle = lifetime.idle

    def public_keys(self) -> PublicKeys:
        """Return the public keys that verify access tokens."""
        return PublicKeys(keys=[PublicKey(**key) for key in self._tokens.public_keys()])

    @staged("session")
    async def by_token(self, claims: Claims) -> Principal:
        """Return the principal of a token. Raises `InvalidToken` if the session has ended."""
        return existing(await self._cache.get_or_load(*self._of_token(claims)), InvalidToken)

    @staged("session")
    async def by_cookie(self, cookie: str) -> Principal:
        """Return a session cookie's principal. Raises `InvalidSession` if the session has ended."""
        return existing(await self._cache.get_or_load(*self._of_cookie(cookie)), InvalidSession)

    def cached_principal(self, claims: Claims | None, cookie: str | None) -> Principal | None:
        """Return the token's principal. If there is no token, return the cookie's principal.

        Returns None if the session cache does not contain the principal.
        """
        if claims is not None:
            return self._cache.get_and_renew(*self._of_token(claims))
        return self._cache.get_and_renew(*self._of_cookie(cookie)) if cookie is not None else None

    def _of_token(self, claims: Claims) -> _Lookup:
        user_id, session_id = claims.user_id, claims.session_id
        return (user_id, session_id), lambda: self._load(
            lambda sessions, now: sessions.get_principal(
                session_id, user_id=user_id, now=now, idle=self._idle
            )
        )

    def _of_cookie(self, cookie: str) -> _Lookup:
        cookie_hash = hash_of(cookie)
        return cookie_hash, lambda: self._load(
            lambda sessions, now: sessions.get_principal_by_cookie(
                cookie_hash, now=now, idle=self._idle
            )
        )

    async def _load(self, find: _Find) -> Principal | None:
        now = datetime.now(UTC)
        async with self._store.uncached() as tx:
            principal = await find(tx.sessions, now)
        if principal is not None and principal.last_used_at <= now - _LAST_USE_PRECISION:
            session_id = principal.session_id
            await self._store.write(lambda tx: tx.sessions.touch(session_id, now=now))
        return principal

    async def list_sessions(
        self, caller: Principal, *, cursor: str | None, limit: int
    ) -> SessionPage:
        """Return up to `limit` of the caller's live sessions after `cursor`, newest first.

        Raises `MalformedCursor`.
        """
        cursors = self._cursors.of("sessions", user_id=caller.user_id)
        before = cursors.decode(cursor)
        async with self._store.uncached() as tx:
            sessions = await tx.sessions.list_for_user(
                caller.user_id,
                before=before.row_id if before else None,
                limit=limit + 1,
                now=datetime.now(UTC),
                idle=self._idle,
            )
        rows = [SessionRead.of(it, current=it.id == caller.session_id) for it in sessions]
        return SessionPage.cut(rows, limit, cursors.following(before, limit))

    async def read(self, caller: Principal, session_id: int) -> SessionRead:
        """Return one of the caller's live sessions. Raises `NotFound`."""
        now = datetime.now(UTC)
        async with self._store.uncached() as tx:
            session = existing(
                await tx.sessions.get(session_id, user_id=caller.user_id, now=now, idle=self._idle)
            )
        return SessionRead.of(session, current=session.id == caller.session_id)

    async def sign_out(self, caller: Principal) -> None:
        """End the caller's own session. Does nothing if the session has already ended."""
        session_id, user_id = caller.session_id, caller.user_id
        await self._store.write(lambda tx: tx.sessions.end(session_id, user_id=user_id))

    async def end(self, caller: Principal, session_id: int) -> None:
        """End one of the caller's sessions. Raises `NotFound`."""
        ended = await self._store.write(
            lambda tx: tx.sessions.end(session_id, user_id=caller.user_id)
        )
        if not ended:
            raise NotFound

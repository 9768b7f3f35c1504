"""Sign-in with a password, and refresh of tokens."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypedDict

import structlog

from app.adapters.password_check import PasswordCheck
from app.adapters.password_hasher import PasswordHasher
from app.adapters.tokens import AccessTokens, hash_of, new_secret
from app.errors import AccountDisabled, BadCredentials, InvalidRefreshToken, existing
from app.models import MessageKind, Principal, Session, SessionLifetime, User
from app.repositories.database import Transaction
from app.schemas.auth import Login, Refresh, TokenPair
from app.schemas.sessions import SessionRead
from app.store import Store
from app.tracing import staged_methods

_log = structlog.get_logger()
_MAX_ATTEMPTS = 3
"""If a concurrent login renews the password hash, the password is verified again."""


@dataclass(frozen=True)
class Client:
    """The client that signs in, and the session that its request already has."""

    user_agent: str | None = None
    """The User-Agent header."""
    principal: Principal | None = None
    """The user who is already signed in, by token or by cookie."""

    @property
    def replaced(self) -> Principal | None:
        """The user whose session cookie the request has. A new cookie ends this user's session."""
        return self.principal if self.principal is not None and self.principal.by_cookie else None


class _Secret(TypedDict, total=False):
    refresh_token_hash: bytes
    cookie_hash: bytes


@staged_methods("service")
class AuthService:
    """Verifies a password and starts a session, with tokens or with a cookie. Renews tokens."""

    def __init__(
        self,
        store: Store,
        passwords: PasswordHasher,
        check: PasswordCheck,
        tokens: AccessTokens,
        lifetime: SessionLifetime,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._check = check
        self._tokens = tokens
        self._lifetime = lifetime

    async def login(self, login: Login, client: Client) -> TokenPair:
        """Start a session with tokens.

        Raises `TooManyFailures`, `Overloaded`, `BadCredentials`, and `AccountDisabled` if the
        password is right, but an operator has disabled the account. `BadCredentials` takes the same
        time for an unknown email as for a wrong password.
        """
        refresh_token, refresh_token_hash = new_secret()
        session = await self._sign_in(login, client, {"refresh_token_hash": refresh_token_hash})
        return self._token_pair(session, refresh_token)

    async def refresh(self, refresh: Refresh) -> TokenPair:
        """Exchange a refresh token for a new pair of tokens. Each refresh token works once.

        Raises `InvalidRefreshToken`. A second use of a token ends its session, because the service
        cannot tell which use is the owner's and which is a thief's (RFC 9700, section 4.14.2).
        """
        spent = hash_of(refresh.refresh_token.get_secret_value())
        refresh_token, refresh_token_hash = new_secret()

        async def work(tx: Transaction) -> tuple[Session | None, Session | None]:
            session = await tx.sessions.rotate(
                spent, refresh_token_hash, now=datetime.now(UTC), idle=self._lifetime.idle
            )
            return session, await _end_spent(tx, spent) if session is None else None

        session, ended = await self._store.write(work)
        if ended is not None:
            _log.warning("refresh_token_reused", user_id=ended.user_id, session_id=ended.id)
        return self._token_pair(existing(session, InvalidRefreshToken), refresh_token)

    def _token_pair(self, session: Session, refresh_token: str) -> TokenPair:
        return TokenPair(
            access_token=self._tokens.issue(
                user_id=session.user_id, session_id=session.id, now=datetime.now(UTC)
            ),
            expires_in=self._tokens.lifetime,
            refresh_token=refresh_token,
        )

    async def create_session(self, login: Login, client: Client) -> tuple[SessionRead, str]:
        """Start a session with a cookie, and end `client.replaced`, the session of the old cookie.

        Returns the session and the cookie's value. Raises the same errors as `login`.
        """
        cookie, cookie_hash = new_secret()
        session = await self._sign_in(login, client, {"cookie_hash": cookie_hash})
        return SessionRead.of(session, current=True), cookie

    async def _sign_in(self, login: Login, client: Client, secret: _Secret) -> Session:
        for _ in range(_MAX_ATTEMPTS):
            user = await self._verify(login, client.principal)
            new_hash = await self._renew_hash(user, login)
            session = await self._start(user, new_hash, client, secret)
            if session is not None:
                return session
        raise BadCredentials

    async def _verify(self, login: Login, principal: Principal | None) -> User:
        async with self._store.uncached() as tx:
            user = await tx.users.get_by_email(login.email)
        by_owner = user is not None and principal is not None and principal.user_id == user.id
        matches = await self._check.matches(login.password, user, login.email, by_owner=by_owner)
        if user is None or not matches:
            raise BadCredentials
        return user

    async def _renew_hash(self, user: User, login: Login) -> str | None:
        if user.password_hash is None or not self._passwords.is_outdated(user.password_hash):
            return None
        return await self._passwords.hash(login.password.get_secret_value())

    async def _start(
        self, verified: User, new_hash: str | None, client: Client, secret: _Secret
    ) -> Session | None:
        async def work(tx: Transaction) -> Session | None:
            # The password may have been changed, or the account deleted, since the password was
            # verified. If a change of the password begins now, that change waits for the lock until
            # the new session exists. So the change ends the new session, too.
            user = await tx.users.get_for_update(verified.id)
            if user is None or user.password_hash != verified.password_hash:
                return None
            if user.disabled_at is not None:
                raise AccountDisabled
            if new_hash is not None:
                # Saving the hash sets `updated_at`, which changes the ETag of the account.
                user.password_hash = new_hash
                await tx.users.save(user)
            # A session with tokens does not replace the session of the cookie.
            replaces = client.replaced if "cookie_hash" in secret else None
            return await tx.sessions.add(
                user_id=user.id,
                user_agent=client.user_agent,
                expires_at=datetime.now(UTC) + self._lifetime.total,
                replaces=replaces,
                **secret,
            )

        return await self._store.write(work)


async def _end_spent(tx: Transaction, token_hash: bytes) -> Session | None:
    session = await tx.sessions.end_spent(token_hash)
    user = await tx.users.get(session.user_id) if session is not None else None
    if user is not None:
        await tx.messages.add(MessageKind.REFRESH_TOKEN_REUSED, user_id=user.id, address=user.email)
    return session

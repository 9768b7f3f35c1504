"""Signing in, and knowing later who has."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.adapters.passwords import PasswordHasher
from app.adapters.tokens import AccessTokens, Claims, new_refresh_token
from app.errors import BadCredentials, InvalidToken
from app.models import Role, Session, User
from app.repositories.database import Database
from app.schemas.auth import Login, TokenPair

_ATTEMPTS = 3
"""Another login may renew the hash meanwhile; then the password is held against that one."""


@dataclass(frozen=True)
class Principal:
    """Who asks: a user whose session is live at this moment."""

    user_id: int
    session_id: int
    is_admin: bool


class AuthService:
    """Turns a password into a session with its tokens, and a token into a principal."""

    def __init__(
        self,
        database: Database,
        passwords: PasswordHasher,
        tokens: AccessTokens,
        *,
        session_lifetime: timedelta,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._tokens = tokens
        self._session_lifetime = session_lifetime

    async def login(self, login: Login) -> TokenPair:
        """Start a session. Raises `BadCredentials`, in the same time whatever was wrong."""
        for _ in range(_ATTEMPTS):
            tokens = await self._try_login(login.email, login.password.get_secret_value())
            if tokens is not None:
                return tokens
        raise BadCredentials

    async def _try_login(self, email: str, password: str) -> TokenPair | None:
        async with self._database.reading() as tx:
            user = await tx.users.get_by_email(email)
        verified = user.password_hash if user else None
        if not await self._passwords.verify(password, verified) or user is None:
            raise BadCredentials
        renewed = None
        if self._passwords.is_outdated(user.password_hash):
            renewed = await self._passwords.hash(password)
        return await self._start_session(user, renewed=renewed)

    async def _start_session(self, verified: User, *, renewed: str | None) -> TokenPair | None:
        user_id, now = verified.id, datetime.now(UTC)
        refresh_token, refresh_token_hash = new_refresh_token()
        async with self._database.transaction() as tx:
            # While the password was being verified, it may have been changed, or the
            # account deleted; what was true then opens no session now. The lock keeps it
            # so until the session is there for a change of password to end it.
            user = await tx.users.get_locked(user_id)
            if user is None or user.password_hash != verified.password_hash:
                return None
            if renewed is not None:
                user.password_hash = renewed
            await tx.sessions.end_expired(user_id, now=now)
            session = await tx.sessions.add(
                Session(
                    user_id=user_id,
                    refresh_token_hash=refresh_token_hash,
                    expires_at=now + self._session_lifetime,
                )
            )
        return TokenPair(
            access_token=self._tokens.issue(user_id=user_id, session_id=session.id, now=now),
            expires_in=self._tokens.lifetime,
            refresh_token=refresh_token,
        )

    def read_token(self, token: str) -> Claims:
        """Check an access token's signature and claims. Raises `InvalidToken`."""
        return self._tokens.verify(token)

    async def principal(self, claims: Claims) -> Principal:
        """Look up who a token speaks for. Raises `InvalidToken` when the session has ended."""
        async with self._database.reading() as tx:
            role = await tx.sessions.get_role(
                claims.session_id, user_id=claims.user_id, now=datetime.now(UTC)
            )
        if role is None:
            raise InvalidToken
        return Principal(claims.user_id, claims.session_id, is_admin=role is Role.ADMIN)

"""Checks passwords, and limits the failures for each account wherever a password is required.

The middleware also limits the logins from each IP address (RATE_LIMIT_LOGIN).
"""

import hashlib
from datetime import UTC, datetime

from limits import parse_many
from pydantic import SecretStr

from app.adapters.password_hasher import PasswordHasher
from app.adapters.redis.rate_limiter import RateLimiter, refuse_exceeded
from app.errors import FieldError, Invalid, Reauthenticate, TooManyFailures, WrongPassword
from app.models import Principal, User


class PasswordCheck:
    """Verifies passwords, and counts the failures in a row for each account, from all IP addresses.

    Attempts from a session of the same account have their own count, so that other people cannot
    lock the owner out. Logins to accounts that do not exist are counted too, so that a refusal does
    not show whether an account exists.
    """

    def __init__(self, passwords: PasswordHasher, limiter: RateLimiter, notation: str) -> None:
        """`notation` contains the limits of failures, such as "10/hour"."""
        self._passwords = passwords
        self._limiter = limiter
        self._limits = parse_many(notation)

    async def matches(
        self, password: SecretStr, user: User | None, email: str, *, by_owner: bool
    ) -> bool:
        """Return whether this is the user's password.

        The check takes the same time if there is no user, or if the user has no password. `email`
        is the address in the request. An empty address belongs to no account, and is not counted.
        Raises `TooManyFailures` and `Overloaded`.
        """
        if email:
            # Count before the check. Otherwise, more concurrent checks could begin than the limit
            # allows.
            windows = await self._limiter.hit(self._limits, *_key(email, by_owner=by_owner))
            refuse_exceeded(windows, TooManyFailures)
        password_hash = user.password_hash if user is not None else None
        if not await self._passwords.verify(password.get_secret_value(), password_hash):
            return False
        await self.forget_failures(email, by_owner=by_owner)
        return True

    async def forget_failures(self, email: str, *, by_owner: bool) -> None:
        """Reset one of the two counts of an account's failures."""
        await self._limiter.clear(self._limits, *_key(email, by_owner=by_owner))

    async def prove_owner(
        self,
        user: User,
        caller: Principal,
        current: SecretStr | None,
        *,
        recent_is_enough: bool = False,
    ) -> None:
        """Raise unless the caller proves to be the account's owner.

        The proof is the current password. A session that began less than five minutes ago is
        also a proof if the account has no password, or if `recent_is_enough`.

        Raises `WrongPassword`, `Invalid` if the password is missing, `Reauthenticate` if the
        session began earlier, `TooManyFailures` and `Overloaded`.
        """
        if current is not None:
            if not await self.matches(current, user, user.email, by_owner=True):
                raise WrongPassword
        elif user.password_hash is not None and not recent_is_enough:
            raise Invalid(FieldError("Send the current password.", pointer="/current_password"))
        elif not caller.is_recent(datetime.now(UTC)):
            raise Reauthenticate


def _key(email: str, *, by_owner: bool) -> tuple[str, str]:
    # Use a hash, so that Redis does not contain email addresses.
    digest = hashlib.sha256(email.encode()).hexdigest()
    return ("login-failures-of-owner" if by_owner else "login-failures", digest)

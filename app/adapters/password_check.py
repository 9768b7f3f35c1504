"""Checks passwords. The same limit of failures applies wherever a password is required."""

from datetime import UTC, datetime

from pydantic import SecretStr

from app.adapters.failed_logins import FailedLogins
from app.adapters.password_hasher import PasswordHasher
from app.errors import FieldError, Invalid, Reauthenticate, WrongPassword
from app.models import Principal, User


class PasswordCheck:
    """Verifies passwords, and counts the failures in a row for each account."""

    def __init__(self, passwords: PasswordHasher, failures: FailedLogins) -> None:
        self._passwords = passwords
        self._failures = failures

    async def matches(
        self, password: SecretStr, user: User | None, email: str, *, by_owner: bool
    ) -> bool:
        """Return whether this is the user's password.

        The check takes the same time if there is no user, or if the user has no password. `email`
        is the address in the request. An empty address belongs to no account, and is not counted.
        Raises `TooManyFailures` and `Overloaded`.
        """
        if email:
            await self._failures.count(email, by_owner=by_owner)
        password_hash = user.password_hash if user is not None else None
        if not await self._passwords.verify(password.get_secret_value(), password_hash):
            return False
        await self._failures.reset(email, by_owner=by_owner)
        return True

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

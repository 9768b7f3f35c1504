"""Proving a password: the same check, with the same limit, wherever a password is asked for."""

from datetime import UTC, datetime

from pydantic import SecretStr

from app.adapters.login_throttle import LoginThrottle
from app.adapters.passwords import PasswordHasher
from app.errors import FieldError, Invalid, Reauthenticate, WrongPassword
from app.models import Principal, User


class PasswordCheck:
    """Verifies an account's password, and counts the failures in a row for each account."""

    def __init__(self, passwords: PasswordHasher, throttle: LoginThrottle) -> None:
        self._passwords = passwords
        self._throttle = throttle

    async def matches(
        self, password: SecretStr, user: User | None, email: str, *, by_owner: bool
    ) -> bool:
        """Compare, in the same time whether there is an account, a password, or neither.

        `email` is the address that was typed; an empty one is never an account's. Raises
        `TooManyFailures` and `Overloaded`.
        """
        if email:
            await self._throttle.count(email, by_owner=by_owner)
        password_hash = user.password_hash if user is not None else None
        if not await self._passwords.verify(password.get_secret_value(), password_hash):
            return False
        await self._throttle.reset(email, by_owner=by_owner)
        return True

    async def prove_owner(
        self,
        user: User,
        caller: Principal,
        current: SecretStr | None,
        *,
        recent_is_enough: bool = False,
    ) -> None:
        """Raise unless the caller has just proved to be the account's owner.

        The proof is the current password. A session that began less than five minutes ago is
        one too if the account has no password, or if `recent_is_enough`.

        Raises `WrongPassword`, `Invalid` for a missing password, `Reauthenticate` for a session
        that began earlier, `TooManyFailures` and `Overloaded`.
        """
        if current is not None:
            if not await self.matches(current, user, user.email, by_owner=True):
                raise WrongPassword
        elif user.password_hash is not None and not recent_is_enough:
            raise Invalid(FieldError("Send the current password.", pointer="/current_password"))
        elif not caller.is_recent(datetime.now(UTC)):
            raise Reauthenticate

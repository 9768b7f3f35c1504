"""The reset of a forgotten password, by a link in a message."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Final

from app.adapters.mail_limit import MailLimit
from app.adapters.password_check import PasswordCheck
from app.adapters.password_hasher import PasswordHasher
from app.adapters.tokens import hash_of
from app.errors import InvalidLink
from app.models import Message, MessageKind, User
from app.models.values.guessable_passwords import reject_guessable
from app.repositories.database import Transaction
from app.schemas.password_resets import PasswordReset
from app.store import Store
from app.tracing import staged_methods

_MIN_DURATION_SECONDS: Final = 0.05
"""Several times the usual duration of the statements."""


@staged_methods("service")
class PasswordResetService:
    """Sends links for a password reset, and sets the new password when a link is used."""

    def __init__(
        self, store: Store, passwords: PasswordHasher, check: PasswordCheck, limit: MailLimit
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._check = check
        self._limit = limit

    async def request(self, email: str) -> None:
        """Send a link if an enabled account has this address. Earlier links stop working.

        The duration does not show whether there is an account, if no other request for the address
        runs. In both cases, the same statements run and add a job. But with an account, the
        statements change more rows. So each request takes at least `_MIN_DURATION_SECONDS`.

        Raises `TooManyRequests`.
        """
        earliest_end = time.monotonic() + _MIN_DURATION_SECONDS

        async def work(tx: Transaction) -> None:
            user = await tx.users.get_by_email_locked(email)
            if user is not None and user.disabled_at is not None:
                user = None
            await tx.messages.add(
                MessageKind.RESET_PASSWORD,
                user_id=user.id if user is not None else None,
                address=user.email if user is not None else None,
            )

        async with self._limit.counting(email):
            await self._store.write(work)
        await asyncio.sleep(max(0.0, earliest_end - time.monotonic()))

    async def complete(self, reset: PasswordReset) -> None:
        """Set the new password, and end all sessions of the account. The link works once.

        Removes each identity that was linked in a session, because an attacker may have linked it.
        The identity that the account was created with stays. Raises `InvalidLink`, `Overloaded`,
        and `Invalid` if the new password is guessable.
        """
        token_hash = hash_of(reset.token.get_secret_value())
        password = reset.new_password.get_secret_value()
        async with self._store.uncached() as tx:
            message = await _find(tx, token_hash)
            user = await tx.users.get(message.user_id) if message.user_id is not None else None
        if user is None:
            raise InvalidLink
        reject_guessable(password, name=user.name, email=user.email, pointer="/new_password")
        password_hash = await self._passwords.hash(password)
        await self._store.write(lambda tx: _set_password(tx, token_hash, user, password_hash))
        # The link has proved that the owner controls the address. So earlier failed logins must not
        # block the owner's next login.
        for by_owner in (False, True):
            await self._check.forget_failures(user.email, by_owner=by_owner)


async def _find(tx: Transaction, token_hash: bytes) -> Message:
    message = await tx.messages.get_by_token(token_hash, now=datetime.now(UTC))
    if message is None or message.kind is not MessageKind.RESET_PASSWORD:
        raise InvalidLink
    return message


async def _set_password(
    tx: Transaction, token_hash: bytes, found: User, password_hash: str
) -> None:
    user = await tx.users.get_to_change(found.id)
    message = await _find(tx, token_hash)
    # Of concurrent uses of the link, only one deletes the message.
    if user is None or user.disabled_at is not None or not await tx.messages.remove(message.id):
        raise InvalidLink
    user.password_hash = password_hash
    await tx.users.save(user)
    await tx.identities.remove_linked(user.id)
    await tx.sessions.end_all(user.id)
    await tx.messages.remove_with_links(user.id)
    await tx.messages.add(MessageKind.PASSWORD_CHANGED, user_id=user.id, address=user.email)

"""The email address of an account: its confirmation by a link, and its change."""

from datetime import UTC, datetime

from pydantic import SecretStr

from app.adapters.mail_limit import MailLimit
from app.adapters.password_check import PasswordCheck
from app.adapters.tokens import hash_of
from app.errors import (
    EmailConfirmed,
    EmailTaken,
    FieldError,
    Invalid,
    InvalidLink,
    WrongPassword,
    existing,
)
from app.models import Message, MessageKind, Principal, User
from app.models.messages import CONFIRMATIONS
from app.repositories.database import Transaction
from app.schemas.emails import EmailChange
from app.store import Store
from app.tracing import staged_methods


@staged_methods("service")
class EmailService:
    """Confirms and changes email addresses."""

    def __init__(self, store: Store, check: PasswordCheck, limit: MailLimit) -> None:
        self._store = store
        self._check = check
        self._limit = limit

    async def request_confirmation(self, caller: Principal) -> None:
        """Send a new link to the caller's address. Earlier links stop working.

        Raises `EmailConfirmed` and `TooManyRequests`.
        """
        user_id = caller.user_id
        async with self._store.uncached() as tx:
            before = existing(await tx.users.get(user_id), caller.session_ended_error)
        if before.email_confirmed:
            raise EmailConfirmed
        await self._limit.count_account(user_id)

        async def work(tx: Transaction) -> None:
            user = existing(await tx.users.get_for_update(user_id), caller.session_ended_error)
            if user.email_confirmed:
                raise EmailConfirmed
            await tx.messages.add(MessageKind.CONFIRM_EMAIL, user_id=user_id, address=user.email)

        async with self._limit.counting(before.email):
            await self._store.write(work)

    async def request_change(self, change: EmailChange, caller: Principal) -> None:
        """Send a link to the new address, and a notice to the current address.

        The address changes when the link is used. Raises `EmailTaken`, `TooManyRequests`, `Invalid`
        if the account has this address already, and the errors of `PasswordCheck.prove_owner`.
        """
        user_id = caller.user_id
        async with self._store.uncached() as tx:
            before = existing(await tx.users.get(user_id), caller.session_ended_error)
        await self._check.prove_owner(before, caller, change.current_password)
        if before.email == change.email:
            raise Invalid(FieldError("This is the account's address already.", pointer="/email"))
        await self._limit.count_account(user_id)

        async def work(tx: Transaction) -> None:
            user = existing(await tx.users.get_for_update(user_id), caller.session_ended_error)
            await tx.sessions.lock_against_ending(caller)
            if user.password_hash != before.password_hash:
                # A concurrent change has replaced the password that this request has checked.
                raise WrongPassword
            if await tx.users.get_by_email(change.email) is not None:
                raise EmailTaken
            await tx.messages.add(
                MessageKind.CONFIRM_NEW_EMAIL, user_id=user_id, address=change.email
            )
            await tx.messages.add(
                MessageKind.EMAIL_CHANGE_REQUESTED, user_id=user_id, address=user.email
            )

        async with self._limit.counting(change.email):
            await self._store.write(work)

    async def change_at_once(self, user_id: int, change: EmailChange) -> None:
        """Change the address at once, for administrators. Both addresses get a message.

        The message to the new address contains a link that confirms this address. The method does
        nothing if the account has this address already. Raises `NotFound` and `EmailTaken`.
        """

        async def work(tx: Transaction) -> None:
            user = existing(await tx.users.get_to_change(user_id))
            if user.email != change.email:
                await _change_address(tx, user, change.email, confirmed=False)
                await tx.messages.add(
                    MessageKind.CONFIRM_EMAIL, user_id=user_id, address=change.email
                )

        await self._store.write(work)

    async def confirm(self, token: SecretStr) -> None:
        """Use the link in a message: confirm the account's address, or set the new address.

        Raises `InvalidLink`, and `EmailTaken` if another account has the new address by now.
        """
        token_hash = hash_of(token.get_secret_value())

        async def work(tx: Transaction) -> None:
            message = await tx.messages.get_by_token(token_hash, now=datetime.now(UTC))
            if message is None or message.kind not in CONFIRMATIONS:
                raise InvalidLink
            user = await _user_of(tx, message)
            # Of concurrent uses of the link, only one deletes the message.
            if not await tx.messages.remove(message.id):
                raise InvalidLink
            await _confirm(tx, user, message)

        await self._store.write(work)


async def _user_of(tx: Transaction, message: Message) -> User:
    user = await tx.users.get_to_change(message.user_id) if message.user_id is not None else None
    if user is None or user.disabled_at is not None:
        raise InvalidLink
    return user


async def _confirm(tx: Transaction, user: User, message: Message) -> None:
    if message.kind is MessageKind.CONFIRM_NEW_EMAIL and message.address is not None:
        await _change_address(tx, user, message.address, confirmed=True)
        return
    if user.email != message.address:
        raise InvalidLink
    user.email_confirmed = True
    await tx.users.save(user)


async def _change_address(tx: Transaction, user: User, email: str, *, confirmed: bool) -> None:
    old = user.email
    user.email, user.email_confirmed = email, confirmed
    await tx.users.save(user)
    # Links that were sent to the old address must not work any more.
    await tx.messages.remove_with_links(user.id)
    await tx.messages.add(MessageKind.EMAIL_CHANGED, user_id=user.id, address=old)

"""Sends the messages that the other services have added. The worker calls this service."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from app.adapters.mail.errors import MailError, MailUnavailable
from app.adapters.mail.messages import compose, link_url
from app.adapters.mail.smtp import SmtpClient
from app.adapters.tokens import new_secret
from app.errors import AppError
from app.models import Message, MessageKind
from app.repositories.database import Transaction
from app.store import Store
from app.tracing import staged_methods


@dataclass(frozen=True)
class PreparedMessage:
    """A message that can be sent now. See `compose` for `name` and `link`."""

    message: Message
    name: str | None
    link: str | None = field(repr=False)


@staged_methods("service")
class MessageService:
    """Sends messages to users."""

    def __init__(
        self, store: Store, mail: SmtpClient | None, *, sender: str, link_base: str | None
    ) -> None:
        """`mail` and `link_base` may be None if this process sends no messages."""
        self._store = store
        self._mail = mail
        self._sender = sender
        self._link_base = link_base
        self._sending = asyncio.Lock()

    @property
    def can_send(self) -> bool:
        """Whether the settings contain an SMTP server, and the URL with which links begin."""
        return self._mail is not None and self._link_base is not None

    async def send(self, message_id: int) -> MessageKind | None:
        """Send a message, and return its kind.

        Returns None without sending if the message was sent already, was deleted, or has no
        recipient. Raises `MailRefused` if the message can never be sent, and `MailUnavailable` if
        it may be sent later.

        A message is sent twice if the server accepts it, but the process does not mark it as sent:
        the server's response is lost, the process ends, or PostgreSQL is unavailable. Both copies
        have the same Message-ID. If the message has a link, each copy has its own link, and both
        links work until one of them is used.
        """
        if self._mail is None or self._link_base is None:
            raise MailUnavailable("the settings name no mail server")
        # Messages are sent one after another. So if this process is killed, at most one message has
        # been sent without being marked as sent.
        async with self._sending:
            prepared = await self._store.write(
                partial(self._prepare, message_id, link_base=self._link_base)
            )
            if prepared is None:
                return None
            try:
                mail = compose(
                    prepared.message,
                    name=prepared.name,
                    link=prepared.link,
                    sender=self._sender,
                    now=datetime.now(UTC),
                )
                await self._mail.send(mail)
            except MailError as error:
                await self._note_failure(message_id, error.reason)
                raise
            now = datetime.now(UTC)
            await self._store.write(lambda tx: tx.messages.mark_sent(message_id, now=now))
        return prepared.message.kind

    async def _note_failure(self, message_id: int, reason: str) -> None:
        # An error is ignored, because the log also contains the reason of the failure.
        with suppress(AppError):
            await self._store.write(lambda tx: tx.messages.note_failure(message_id, reason))

    async def _prepare(
        self, message_id: int, tx: Transaction, *, link_base: str
    ) -> PreparedMessage | None:
        message = await tx.messages.get_for_update(message_id)
        if message is None or message.sent_at is not None:
            return None
        user = await tx.users.get(message.user_id) if message.user_id is not None else None
        if user is None or message.address is None:
            # A password reset was requested for an address that no enabled account has.
            await tx.messages.remove(message_id)
            return None
        link = None
        if message.link_lifetime is not None:
            token, token_hash = new_secret()
            expires_at = datetime.now(UTC) + message.link_lifetime
            await tx.messages.add_link(message.id, token_hash, expires_at=expires_at)
            link = link_url(message.kind, base=link_base, token=token)
        is_confirmed = user.email_confirmed and user.email == message.address
        return PreparedMessage(message, user.name if is_confirmed else None, link)

"""Receives messages by SMTP (RFC 5321), and keeps them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from aiosmtpd import smtp

from lab.mail.envelope import Envelope
from lab.mail.mailbox import MAX_MESSAGE_BYTES, Kept, Mailbox
from lab.stack.config.ports import LOOPBACK

_LOG: Final = logging.getLogger(__name__)


@asynccontextmanager
async def listening(
    port: int, mailbox: Mailbox, received: Callable[[Kept], None]
) -> AsyncIterator[None]:
    """Run the SMTP server on 127.0.0.1. `received` is called after a message is on the disk."""
    loop = asyncio.get_running_loop()
    new_connection = partial(
        _Smtp,
        _Handler(mailbox, received),
        data_size_limit=MAX_MESSAGE_BYTES,
        enable_SMTPUTF8=True,
        # Without a name, aiosmtpd would look up the name of this machine, which may take seconds.
        hostname="localhost",
        ident="mailbox of the local stack",
        loop=loop,
    )
    server = await loop.create_server(new_connection, LOOPBACK, port)
    try:
        yield
    finally:
        server.close()


class _Handler:
    def __init__(self, mailbox: Mailbox, received: Callable[[Kept], None]) -> None:
        self._mailbox = mailbox
        self._received = received

    async def handle_DATA(  # noqa: N802 - aiosmtpd finds a handler by this name.
        self, _server: smtp.SMTP, _session: smtp.Session, envelope: smtp.Envelope
    ) -> str:
        """Keep the message, and return the reply: 250 only if the message is on the disk."""
        addresses = Envelope(envelope.mail_from or "", envelope.rcpt_tos)
        content = envelope.content or b""
        data = content if isinstance(content, bytes) else content.encode()
        try:
            kept = await asyncio.to_thread(self._mailbox.add, addresses, data)
        except OSError as error:
            _LOG.error("A message could not be written: %s", error)
            return "452 4.3.1 The message could not be written"
        self._received(kept)
        return f"250 2.0.0 Kept as message {kept.message_id}"


class _Smtp(smtp.SMTP):
    """The SMTP server. It closes a connection on which an HTTP request arrives.

    Otherwise, a web page could send messages: it can make the browser send any text to this port,
    as the body of a POST request.
    """

    async def smtp_POST(self, _: str | None) -> None:  # noqa: N802 - the name of the command.
        """Close the connection."""
        await self.push("421 4.7.0 This is an SMTP server")
        # This ends the task of the connection, so that no further command is executed, and aiosmtpd
        # closes the connection.
        raise asyncio.CancelledError

    smtp_GET = smtp_HEAD = smtp_PUT = smtp_PATCH = smtp_DELETE = smtp_OPTIONS = smtp_POST  # noqa: N815

"""The mail client: it sends one message after another, each within a limited time."""

import asyncio
from email.message import EmailMessage
from typing import Final

from aiosmtplib import SMTPResponseException, SMTPSenderRefused

from app.adapters.mail.connection import FAILURES, SmtpConnection, text_of
from app.adapters.mail.errors import MailError, MailRefused, MailUnavailable
from app.settings.mail import SmtpServer
from app.tracing import run_in_background

_TIMEOUTS_PER_SEND: Final = 3
_MAX_IDLE_SECONDS: Final = 30.0
"""Servers and routers may silently end a connection that is idle for longer."""
_REFUSED: Final = range(500, 600)
# The server requires credentials, rejects the credentials, or requires encryption (RFC 4954,
# section 6). An operator can correct the settings, so these responses are not final.
_UNAUTHENTICATED: Final = {530, 534, 535, 538}


class SmtpClient:
    """Sends messages to one SMTP server. Concurrent calls wait for one another.

    The client keeps its connection for 30 seconds after a message. If the server closes the
    connection earlier, the next message opens a new connection.
    """

    def __init__(self, server: SmtpServer, seconds: float) -> None:
        """`seconds` is the timeout of each command. A whole `send` may take three times as long."""
        self._seconds = _TIMEOUTS_PER_SEND * seconds
        self._connection = SmtpConnection(server, seconds)
        self._lock = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None

    async def send(self, mail: EmailMessage) -> None:
        """Send a mail to its recipient, and return when the server has accepted the mail.

        Raises `MailRefused` if the server will never accept the mail, and `MailUnavailable` if a
        later attempt may succeed. After `MailUnavailable`, the server may have accepted the mail
        nevertheless. So the next attempt must have the same Message-ID.
        """
        try:
            # The wait for earlier messages does not count towards the timeout.
            async with self._lock, asyncio.timeout(self._seconds):
                self._cancel_idle_timer()
                await self._exchange(mail)
        except MailError:
            raise
        except FAILURES as error:
            # `from None`, because the library's error contains the address and would be logged.
            raise self._failure(error) from None

    async def close(self) -> None:
        """Close the connection, after the message that is being sent. Never raises."""
        async with self._lock:
            self._cancel_idle_timer()
            await self._connection.quit()

    async def _exchange(self, mail: EmailMessage) -> None:
        is_usable = False
        try:
            await self._connection.ensure_open()
            await self._connection.transmit(mail)
            is_usable = True
        except MailRefused:
            is_usable = True
            raise
        except SMTPResponseException as error:
            # The code is negative if the response could not be parsed.
            is_usable = error.code > 0
            raise
        finally:
            if is_usable:
                self._start_idle_timer()
            else:
                # After a timeout or a cancellation, the server may still respond to this message.
                # That response would then be read as the response to the next message.
                self._connection.drop()

    def _failure(self, error: Exception) -> MailError:
        if isinstance(error, SMTPResponseException):
            is_final = error.code in _REFUSED and error.code not in _UNAUTHENTICATED
            # A refusal of the sender is not final: an operator can correct MAIL_FROM.
            is_final = is_final and not isinstance(error, SMTPSenderRefused)
            return MailRefused(text_of(error)) if is_final else MailUnavailable(text_of(error))
        # Only the timeout of `send` is a plain `TimeoutError`. aiosmtplib's timeout errors are
        # subclasses with their own text.
        if type(error) is TimeoutError:
            return MailUnavailable(f"the message was not sent within {self._seconds:g} seconds")
        return MailUnavailable(text_of(error))

    def _start_idle_timer(self) -> None:
        loop = asyncio.get_running_loop()
        self._idle = loop.call_later(_MAX_IDLE_SECONDS, self._close_in_background)

    def _cancel_idle_timer(self) -> None:
        if self._idle is not None:
            self._idle.cancel()

    def _close_in_background(self) -> None:
        # The attribute keeps the task from being garbage-collected.
        self._closing = run_in_background(self.close)

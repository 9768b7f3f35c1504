"""A connection to the SMTP server (RFC 5321): opened, encrypted, authenticated, and kept."""

import asyncio
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import policy as mail_policy
from email.message import EmailMessage
from typing import Final, cast

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from app.adapters.mail.errors import MailRefused, MailUnavailable
from app.settings.mail import SmtpServer
from app.tracing import ActiveStage, Attributes, begin_stage, code_attributes

# ValueError includes UnicodeError, for a host that is not a domain name. uvloop raises RuntimeError
# for a write to a connection that the server has reset.
FAILURES: Final = (SMTPException, OSError, ValueError, RuntimeError)
"""The errors of the connection, besides `MailError`."""
_STATUS_CODE: Final = "smtp.response.status_code"
_ENHANCED_CODE: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")


class SmtpConnection:
    """Holds at most one connection, and sends one message at a time.

    The server's certificate is verified with the authorities of the system, or with those in the
    file that SSL_CERT_FILE names.
    """

    def __init__(self, server: SmtpServer, seconds: float) -> None:
        """`seconds` is the timeout of each command."""
        self._server = server
        self._smtp = SMTP(
            hostname=server.host,
            port=server.port,
            local_hostname=_local_hostname(),
            timeout=seconds,
            use_tls=server.tls == "implicit",
            # `_open` starts TLS, as a stage of its own.
            start_tls=False,
            tls_context=None if server.tls == "off" else ssl.create_default_context(),
        )
        self._attributes: Attributes = {
            "server.address": server.host,
            "server.port": server.port,
            **code_attributes(SmtpConnection.transmit),
        }

    async def ensure_open(self) -> None:
        """Reuse an open connection if it works, or else open one. Raises `MailUnavailable`."""
        if not await self._is_usable():
            await self._open()

    async def transmit(self, mail: EmailMessage) -> None:
        """Send a mail to its recipient. Raises `MailRefused` and `FAILURES`."""
        sender, recipient = (mail[name].addresses[0].addr_spec for name in ("From", "To"))
        encoding, options, policy = "ascii", list[str](), mail_policy.SMTP
        if not recipient.isascii():
            if not self._smtp.supports_extension("smtputf8"):
                raise MailRefused("the server does not support international addresses (SMTPUTF8)")
            encoding, options, policy = "utf-8", ["SMTPUTF8"], mail_policy.SMTPUTF8
        with self._stage("send") as stage:
            await self._smtp.mail(sender, options=options, encoding=encoding)
            await self._smtp.rcpt(recipient, encoding=encoding)
            response = await self._smtp.data(mail.as_bytes(policy=policy))
            if stage is not None:
                stage.set_attributes({_STATUS_CODE: response.code})

    async def quit(self) -> None:
        """Tell the server that no message follows, then close the connection."""
        if self._smtp.is_connected:
            with suppress(*FAILURES):
                await self._smtp.execute_command(b"QUIT")
        self.drop()

    def drop(self) -> None:
        """Close the connection at once. Does not send QUIT, and does not wait for the server."""
        transport = self._smtp.transport
        self._smtp.close()
        if transport is not None:
            # With TLS, `close` alone would wait for the server.
            cast(asyncio.Transport, transport).abort()

    async def _is_usable(self) -> bool:
        if not self._smtp.is_connected:
            return False
        try:
            with self._stage("rset"):
                # RSET also clears the last message if the server refused that message.
                await self._smtp.rset()
        except FAILURES:
            self.drop()
            return False
        return True

    async def _open(self) -> None:
        try:
            with self._stage("connect"):
                await self._smtp.connect()
            if self._server.tls == "starttls":
                with self._stage("starttls"):
                    await self._smtp.starttls()
            with self._stage("ehlo"):
                await self._smtp.ehlo()
        except FAILURES as error:
            raise MailUnavailable(text_of(error)) from None
        if self._server.username is not None and self._server.password is not None:
            await self._sign_in(self._server.username, self._server.password.get_secret_value())

    async def _sign_in(self, username: str, password: str) -> None:
        try:
            with self._stage("auth"):
                await self._smtp.login(username, password)
        except SMTPResponseException as error:
            # Leave out the server's text, which may quote the command with the password.
            enhanced = _ENHANCED_CODE.match(error.message)
            code = f"{error.code} {enhanced[0]}" if enhanced else f"{error.code}"
            raise MailUnavailable(f"{code} the server refused the credentials") from None
        except FAILURES as error:
            raise MailUnavailable(text_of(error)) from None

    @contextmanager
    def _stage(self, name: str) -> Iterator[ActiveStage | None]:
        # The stages follow one another, so their durations add up to the time of the message.
        stage = begin_stage("smtp", f"smtp {name}", self._attributes)
        if stage is None:
            yield None
            return
        with stage:
            try:
                yield stage
            except SMTPResponseException as error:
                stage.set_attributes({_STATUS_CODE: error.code})
                raise


def text_of(error: Exception) -> str:
    """Return a server's response, or else the error's text. Both may contain addresses."""
    if isinstance(error, SMTPResponseException):
        return f"{error.code} {error.message}"
    return str(error) or type(error).__name__


def _local_hostname() -> str:
    # If the host has no full domain name, EHLO contains an address literal (RFC 5321, section
    # 4.1.4). A search for the full name in DNS could take longer than sending the message.
    name = socket.gethostname()
    return name if name.isascii() and "." in name else "[127.0.0.1]"

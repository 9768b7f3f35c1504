"""A mail server of the tests, and a worker that sends messages to it."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from lab.stack.config.ports import LOOPBACK, free_port
from tests.pooler import pooled
from tests.preloaded import Preloaded
from tests.service import TIMEOUT_SECONDS, end, environment

ACCOUNT_PAGES = "https://shop.example/account"
_ONCE_A_YEAR = "0 0 1 1 *"
"""A schedule in cron's notation."""


@dataclass
class Mailbox:
    """A mail server that keeps each message that it accepts."""

    port: int = field(default_factory=free_port)
    reply: str = "250 OK"
    """The reply to each message. A message is kept if the reply begins with 250."""
    pause: float = 0.0
    """Seconds before each reply."""
    messages: list[EmailMessage] = field(default_factory=list)
    attempts: int = 0
    _arrived: threading.Condition = field(default_factory=threading.Condition)

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a service or a worker that sends to this server."""
        return {
            "SMTP_URL": f"smtp://{LOOPBACK}:{self.port}?tls=off",
            "MAIL_FROM": "Roundtrip <accounts@shop.example>",
            "ACCOUNT_PAGES_URL": ACCOUNT_PAGES,
        }

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        """Keep a message if the reply begins with 250, and return the reply."""
        await asyncio.sleep(self.pause)
        with self._arrived:
            self.attempts += 1
            if self.reply.startswith("250"):
                assert isinstance(envelope.content, bytes)
                message = message_from_bytes(envelope.content, policy=default)
                assert isinstance(message, EmailMessage)
                self.messages.append(message)
            self._arrived.notify_all()
        return self.reply

    def to(self, address: str, subject: str = "") -> list[EmailMessage]:
        """Return the messages to this address with this text in the subject, oldest first."""
        with self._arrived:
            return [
                message
                for message in self.messages
                if message["To"] == address and subject in message["Subject"]
            ]

    def wait_for(self, address: str, subject: str = "", *, count: int = 1) -> EmailMessage:
        """Wait until `to` finds at least `count` messages. Return the newest of them."""
        with self._arrived:
            assert self._arrived.wait_for(
                lambda: len(self.to(address, subject)) >= count, TIMEOUT_SECONDS
            ), [(message["To"], message["Subject"]) for message in self.messages]
            return self.to(address, subject)[-1]

    def wait_for_attempts(self, count: int) -> None:
        """Wait until at least `count` messages were sent to the server, accepted or refused."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: self.attempts >= count, TIMEOUT_SECONDS)

    def token(self, address: str, subject: str = "", *, count: int = 1) -> str:
        """Wait for a message with a link, and return the token in the link."""
        text = text_of(self.wait_for(address, subject, count=count))
        (link,) = [word for word in text.split() if word.startswith(ACCOUNT_PAGES)]
        return link.partition("#")[2]


def text_of(message: EmailMessage) -> str:
    """Return the plain text of a message."""
    part = message.get_body(("plain",))
    assert part is not None
    text: str = part.get_content()
    return text


@contextmanager
def running_mailbox(mailbox: Mailbox | None = None) -> Iterator[Mailbox]:
    """Run this mail server, or a new one if `mailbox` is None, until the end of the block."""
    mailbox = mailbox or Mailbox()
    controller = Controller(mailbox, hostname=LOOPBACK, port=mailbox.port)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


@contextmanager
def running_worker(log: Path, settings: Mapping[str, str]) -> Iterator[Preloaded]:
    """Start a worker with these settings, and end it at the end of the block."""
    process = start_worker(log, settings)
    try:
        yield process
    finally:
        end(process)


def start_worker(log: Path, settings: Mapping[str, str]) -> Preloaded:
    """Start a worker, which the caller must end. By default, it deletes no expired rows."""
    log.touch()
    # With the service's default schedule, the worker would add a job every ten minutes. A test that
    # looks at the jobs could find this job.
    settings = {"SWEEP_SCHEDULE": _ONCE_A_YEAR, **pooled(settings)}
    return Preloaded(["app", "worker"], environment=environment(settings), stdout=log)

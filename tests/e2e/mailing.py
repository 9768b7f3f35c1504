"""Sends messages to the mailbox of a local stack, as the service does."""

import smtplib
from email.message import EmailMessage
from typing import Any

from lab.stack.config.ports import LOOPBACK
from tests.e2e.local_stack import LocalStack

SENDER = "roundtrip@localhost"


def smtp(stack: LocalStack) -> smtplib.SMTP:
    """Connect to the mailbox."""
    return smtplib.SMTP(LOOPBACK, stack.smtp_port, timeout=10)


def send(stack: LocalStack, to: str, content: bytes) -> tuple[int, bytes]:
    """Send a message with any content, and return the server's reply."""
    with smtp(stack) as connection:
        connection.ehlo()
        connection.mail(SENDER)
        connection.rcpt(to)
        return connection.data(content)


def send_text(
    stack: LocalStack, to: str, text: str, *, subject: str = "Hello", html: str = ""
) -> None:
    """Send a well-formed message."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, to, subject
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    with smtp(stack) as connection:
        connection.send_message(message)


def messages(stack: LocalStack, to: str) -> list[dict[str, Any]]:
    """Return the summaries of the messages to an address, the newest first."""
    page = stack.request("GET", f"/lab/api/mail?to={to}&limit=200").json()
    items: list[dict[str, Any]] = page["items"]
    return items

"""The envelope of a message: sender and recipients, which may differ from the fields From and To.

The mailbox keeps an envelope as header fields before the message's own fields (RFC 5321, section
4.4). `Received` ends the envelope, so that a field of the message itself cannot add a recipient.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final, Self

_SENDER: Final = b"Return-Path: "
_RECIPIENT: Final = b"Delivered-To: "
_END: Final = b"Received: "


@dataclass(frozen=True)
class Envelope:
    """The addresses of the SMTP commands MAIL and RCPT."""

    sender: str
    recipients: Sequence[str]

    def header(self) -> bytes:
        """Return the header fields."""
        now = format_datetime(datetime.now(UTC))
        received = f"by localhost (mailbox of the local stack); {now}"
        return b"".join(
            [
                _line(_SENDER, f"<{self.sender}>"),
                *(_line(_RECIPIENT, recipient) for recipient in self.recipients),
                _line(_END, received),
            ]
        )

    @classmethod
    def parse(cls, message: bytes) -> Self:
        """Read the envelope at the beginning of a kept message.

        If the message has no envelope, sender and recipients are empty.
        """
        sender, recipients = "", []
        # The last piece has no line break, so it may be only the beginning of a line.
        for line in message.split(b"\n")[:-1]:
            if line.startswith(_SENDER):
                sender = _text(line.removeprefix(_SENDER)).strip("<>")
            elif line.startswith(_RECIPIENT):
                recipients.append(_text(line.removeprefix(_RECIPIENT)))
            elif line.startswith(_END):
                return cls(sender, recipients)
            else:
                break
        return cls("", ())


def _line(name: bytes, text: str) -> bytes:
    # aiosmtpd decodes bytes that are not UTF-8 to surrogates, which UTF-8 cannot encode.
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return name + printable.encode(errors="replace") + b"\r\n"


def _text(value: bytes) -> str:
    return value.decode(errors="replace").strip()

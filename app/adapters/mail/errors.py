"""Why a message was not sent. These errors never reach a client: only the worker sends mail."""

import re
from typing import Final

_MAX_REASON_CHARACTERS: Final = 200
# The words that are removed from the error text of a mail server: the text may contain the
# recipient's address, the link in the message, or the token of that link.
_PERSONAL: Final = re.compile(r"\S*(?:@|://|[A-Za-z0-9_-]{20})\S*")


class MailError(Exception):
    """A message was not sent."""

    def __init__(self, reason: str) -> None:
        """`reason` may be the text of a server. The error keeps one short line of it."""
        self.reason = _line(reason)
        """At most 200 printable characters, without addresses and links."""
        super().__init__(self.reason)


class MailRefused(MailError):
    """The message will never be accepted. A retry is useless."""


class MailUnavailable(MailError):
    """A later attempt may succeed: the server is unavailable, or the settings are wrong."""


def _line(text: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in text)
    words = " ".join(_PERSONAL.sub("[removed]", printable).split())
    return words[:_MAX_REASON_CHARACTERS].rstrip()

"""The messages that the service sends to its users by mail, and the links in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class MessageKind(StrEnum):
    """What a message is about. The values are stored, so a value never changes."""

    # Messages with a link. A link works once, and only until it expires (`LINK_LIFETIMES`).
    CONFIRM_EMAIL = "confirm-email"
    CONFIRM_NEW_EMAIL = "confirm-new-email"
    """Sent to the address that a user wants. The link makes this the address of the account."""
    RESET_PASSWORD = "reset-password"  # noqa: S105 - the kind of a message, not a password

    # Notices, without a link. They go to the address that the account had before the event.
    EMAIL_CHANGE_REQUESTED = "email-change-requested"
    """Sent to the current address, which stays in use until the new address is confirmed."""
    EMAIL_CHANGED = "email-changed"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - the kind of a message, not a password
    IDENTITY_LINKED = "identity-linked"
    IDENTITY_REMOVED = "identity-removed"
    REFRESH_TOKEN_REUSED = "refresh-token-reused"  # noqa: S105 - the kind of a message, not a token
    """A session has ended because its refresh token was used twice."""


LINK_LIFETIMES: Final[Mapping[MessageKind, timedelta]] = MappingProxyType(
    {
        MessageKind.CONFIRM_EMAIL: timedelta(hours=24),
        MessageKind.CONFIRM_NEW_EMAIL: timedelta(hours=24),
        MessageKind.RESET_PASSWORD: timedelta(minutes=30),
    }
)
"""How long the link in a message works after the message was sent. Notices have no link."""
UNSENT_KEPT_FOR: Final = timedelta(days=30)
"""How long a message that could not be sent, and its failed job, are kept for an operator."""
CONFIRMATIONS: Final = frozenset({MessageKind.CONFIRM_EMAIL, MessageKind.CONFIRM_NEW_EMAIL})
"""The kinds whose link confirms an address."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message to a user."""

    id: int
    user_id: int | None
    """None for a password reset if no enabled account has the address. Then nothing is sent."""
    kind: MessageKind
    address: str | None
    """The recipient's address, which is also the address that a confirmation confirms."""
    provider: str | None
    """The name of the identity provider, for the notices about identities."""
    created_at: datetime
    sent_at: datetime | None

    @property
    def link_lifetime(self) -> timedelta | None:
        """How long the link in the message works; None if the message has no link."""
        return LINK_LIFETIMES.get(self.kind)

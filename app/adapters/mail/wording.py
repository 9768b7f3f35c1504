"""The text of each kind of message. `messages.py` fills in the fields in braces."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.models.messages import MessageKind

_SECURE: Final = "If it was not you, open {service} now, and reset your password."


@dataclass(frozen=True)
class Wording:
    """The text of one kind of message. `button` is None for a notice, which has no link."""

    subject: str
    before: tuple[str, ...]
    button: str | None = None
    after: tuple[str, ...] = ()


WORDINGS: Final[Mapping[MessageKind, Wording]] = {
    MessageKind.CONFIRM_EMAIL: Wording(
        "Confirm your email address",
        ("This is the address of an account at {service}. Please confirm the address.",),
        "Confirm this address",
        (
            "The link works once and is valid for 24 hours.",
            "If the account is not yours, ignore this message.",
        ),
    ),
    MessageKind.CONFIRM_NEW_EMAIL: Wording(
        "Confirm your new email address",
        ("Please confirm this address. Then it becomes the address of your {service} account.",),
        "Use this address",
        (
            "The link works once and is valid for 24 hours.",
            "If you did not ask for this change, ignore this message.",
        ),
    ),
    MessageKind.RESET_PASSWORD: Wording(
        "Reset your password",
        ("A reset of the password of your {service} account was requested.",),
        "Choose a new password",
        (
            "The link works once and is valid for 30 minutes.",
            "If you did not ask for it, ignore this message. Your password stays as it is.",
        ),
    ),
    MessageKind.EMAIL_CHANGE_REQUESTED: Wording(
        "A change of your email address was requested",
        (
            "On {when}, a new email address was requested for your {service} account.",
            "The address of the account changes when the new address is confirmed.",
            _SECURE,
        ),
    ),
    MessageKind.EMAIL_CHANGED: Wording(
        "Your email address was changed",
        (
            "On {when}, the email address of your {service} account was changed.",
            "Messages about the account now go to the new address.",
            "If it was not you, contact {service} now. This address cannot reset the password.",
        ),
    ),
    MessageKind.PASSWORD_CHANGED: Wording(
        "Your password was changed",
        ("On {when}, the password of your {service} account was changed.", _SECURE),
    ),
    MessageKind.IDENTITY_LINKED: Wording(
        "A way to sign in was added",
        (
            "On {when}, an account at {provider} was linked to your {service} account.",
            "The account at {provider} can now be used to sign in.",
            _SECURE,
        ),
    ),
    MessageKind.IDENTITY_REMOVED: Wording(
        "A way to sign in was removed",
        (
            "On {when}, an account at {provider} was unlinked from your {service} account.",
            "The account at {provider} can no longer be used to sign in.",
            _SECURE,
        ),
    ),
    MessageKind.REFRESH_TOKEN_REUSED: Wording(
        "A session was ended for your safety",
        (
            "On {when}, a session of your {service} account was ended. Please sign in again.",
            "The refresh token of the session was used twice, so it may have been copied.",
            "An app that repeats a request can also be the reason.",
            _SECURE,
        ),
    ),
}

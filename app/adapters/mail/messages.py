"""Builds mails (RFC 5322). Each mail has its content as plain text and as HTML."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from app.adapters.mail.addresses import wire_address
from app.adapters.mail.wording import WORDINGS
from app.models.messages import MessageKind
from app.models.values.characters import without_refused

_MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_TEMPLATES: Final = Environment(
    loader=PackageLoader("app.adapters.mail"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_PATHS: Final = {
    MessageKind.CONFIRM_EMAIL: "confirm",
    MessageKind.CONFIRM_NEW_EMAIL: "confirm",
    MessageKind.RESET_PASSWORD: "reset",
}


@dataclass(frozen=True)
class Content:
    """What a message says. Only some kinds need the fields after `name`."""

    kind: MessageKind
    name: str | None = None
    """The user's name; None if the address is not confirmed.

    Otherwise, a client could sign up with any text as the name and with another person's address,
    and the service would send the text to that person.
    """
    link: str | None = field(default=None, repr=False)
    """For the kinds with a link. See `link_url`."""
    occurred_at: datetime | None = None
    """When the event of a notice occurred."""
    provider: str | None = None
    """The identity provider, for the notices about identities."""


def link_url(kind: MessageKind, *, base: str, token: str) -> str:
    """Return the link of a message. Raises `KeyError` for a kind without a link.

    The token is in the fragment, which browsers do not send, so that no log contains it.
    """
    return f"{base}/{_PATHS[kind]}#{token}"


def compose(
    content: Content, *, sender: str, to: str, message_id: str, now: datetime
) -> EmailMessage:
    """Return a message that is ready to send.

    `sender` is the setting MAIL_FROM. `message_id` is the part before the sender's domain: letters,
    digits, `-`, `_` and `.`. Each attempt to send a message must have the same id. Then a mailbox
    can drop a duplicate. Raises `MailRefused` if `to` is not well-formed, and `ValueError`
    if `content` lacks a field or an argument is invalid.
    """
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError("a message id has letters, digits, hyphens, underscores and single dots")
    display_name, address = parseaddr(sender)
    domain = address.rpartition("@")[2]
    context = _context(content, display_name or domain)
    message = EmailMessage()
    message["Message-ID"] = f"<{message_id}@{domain}>"
    message["Date"] = now
    message["From"] = Address(display_name, addr_spec=address)
    # `To` does not contain the user's name, so no user can put a text into a header.
    message["To"] = Address("", *wire_address(to).rsplit("@", 1))
    message["Subject"] = WORDINGS[content.kind].subject
    # Mailboxes send no automatic replies to a message with this header (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    # With quoted-printable, lines are short and ASCII, whatever the server supports.
    text, html = (
        _TEMPLATES.get_template(f"message.{it}").render(context) for it in ("txt", "html")
    )
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message


def _context(content: Content, service: str) -> dict[str, object]:
    wording = WORDINGS[content.kind]
    if (wording.button is None) != (content.link is None):
        raise ValueError(f"{content.kind}: the link is missing, or the kind has none")
    values = {"service": service}
    if content.occurred_at is not None:
        values["when"] = f"{content.occurred_at.astimezone(UTC):%d %B %Y at %H:%M} UTC"
    if content.provider is not None:
        values["provider"] = _one_line(content.provider)
    try:
        before, after = (
            [paragraph.format_map(values) for paragraph in paragraphs]
            for paragraphs in (wording.before, wording.after)
        )
    except KeyError as error:
        raise ValueError(f"{content.kind} lacks {error}") from None
    return {
        "service": service,
        "subject": wording.subject,
        "name": content.name and _one_line(content.name),
        "before": before,
        "button": wording.button,
        "link": content.link,
        "after": after,
    }


def _one_line(text: str) -> str:
    return " ".join(without_refused(text).split())

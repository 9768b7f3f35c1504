"""Builds mails (RFC 5322). Each mail has its content as plain text and as HTML."""

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Final

from email_validator import EmailNotValidError, validate_email
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from app.adapters.mail.errors import MailRefused
from app.adapters.mail.wording import WORDINGS, Wording
from app.models import Message, MessageKind
from app.models.values.characters import without_refused
from app.models.values.emails import ENCODED_WORD

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


def link_url(kind: MessageKind, *, base: str, token: str) -> str:
    """Return the link of a message. Raises `KeyError` for a kind without a link.

    The token is in the URL's fragment. Browsers do not send the fragment, so no server logs it.
    """
    return f"{base}/{_PATHS[kind]}#{token}"


def compose(
    message: Message, *, name: str | None, link: str | None, sender: str, now: datetime
) -> EmailMessage:
    """Return the mail of a message, ready to send.

    `name` is the user's name. It must be None if the address is not confirmed: a client can sign up
    with another person's address and any text as the name, and the service would send this text to
    that person.

    `link` is None for a notice. `sender` is the setting MAIL_FROM. Raises `MailRefused` if the
    address of the message is missing or not well-formed, `ValueError` if the kind needs a link and
    `link` is None or the kind has no link and `link` is given, and `KeyError` if the kind needs a
    provider and the provider is missing.
    """
    display_name, address = parseaddr(sender)
    domain = address.rpartition("@")[2]
    wording = WORDINGS[message.kind]
    if (wording.button is None) != (link is None):
        raise ValueError(f"{message.kind}: the link is missing, or the kind has none")
    context = _context(message, wording, display_name or domain)
    context |= {"name": name and _one_line(name), "link": link}
    mail = EmailMessage()
    # Each attempt to send a message has the same id, so that a mailbox can drop a duplicate.
    mail["Message-ID"] = f"<{message.id}.{int(message.created_at.timestamp())}@{domain}>"
    mail["Date"] = now
    mail["From"] = Address(display_name, addr_spec=address)
    # `To` does not contain the user's name, so no user can put a text into a header.
    mail["To"] = Address("", *_wire_address(message.address or "").rsplit("@", 1))
    mail["Subject"] = wording.subject
    # Mailboxes send no automatic replies to a message with this header (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    # With quoted-printable, lines are short and ASCII, whatever the server supports.
    text, html = (
        _TEMPLATES.get_template(f"message.{it}").render(context) for it in ("txt", "html")
    )
    mail.set_content(text, cte="quoted-printable")
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    return mail


def _context(message: Message, wording: Wording, service: str) -> dict[str, object]:
    values = {
        "service": service,
        "when": f"{message.created_at.astimezone(UTC):%d %B %Y at %H:%M} UTC",
    }
    if message.provider is not None:
        values["provider"] = _one_line(message.provider)
    return {
        "service": service,
        "subject": wording.subject,
        "before": [paragraph.format_map(values) for paragraph in wording.before],
        "button": wording.button,
        "after": [paragraph.format_map(values) for paragraph in wording.after],
    }


def _one_line(text: str) -> str:
    return " ".join(without_refused(text).split())


def _wire_address(email: str) -> str:
    """Return an address in the form that most servers accept.

    An international domain is written in ASCII (RFC 5890). If the local part is not ASCII, the
    result is not ASCII either, and the server must support SMTPUTF8 (RFC 6531). Python's `email`
    package would decode an encoded word (RFC 2047), so an address with one is refused.
    """
    if ENCODED_WORD in email:
        raise MailRefused("the address contains an encoded word")
    try:
        address = validate_email(email, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise MailRefused("the address is not well-formed") from None
    return address.ascii_email or address.normalized

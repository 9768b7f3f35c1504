"""The messages that the service sends: their text, their HTML and their headers."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from html import unescape
from html.parser import HTMLParser

import pytest

from app.adapters.mail.errors import MailRefused
from app.adapters.mail.messages import compose, link_url
from app.models import Message, MessageKind
from app.models.messages import LINK_LIFETIMES
from app.services.messages import PreparedMessage

_EVENT = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)
_NOW = _EVENT + timedelta(minutes=1)
_TOKEN = "f" * 43
_BASE = "https://api.example.com/account"
_LINKS = {
    MessageKind.CONFIRM_EMAIL: f"{_BASE}/confirm#{_TOKEN}",
    MessageKind.CONFIRM_NEW_EMAIL: f"{_BASE}/confirm#{_TOKEN}",
    MessageKind.RESET_PASSWORD: f"{_BASE}/reset#{_TOKEN}",
}
_NOTICES = [kind for kind in MessageKind if kind not in _LINKS]


def _compose(
    kind: MessageKind,
    *,
    link: str | None,
    name: str | None = "Ahmed",
    sender: str = "Roundtrip <roundtrip@example.com>",
    to: str | None = "ahmed@example.com",
    provider: str | None = "google",
) -> EmailMessage:
    message = _stored(kind, to, provider)
    return compose(message, name=name, link=link, sender=sender, now=_NOW)


def _stored(kind: MessageKind, to: str | None, provider: str | None = None) -> Message:
    return Message(42, 1, kind, to, provider, created_at=_EVENT, sent_at=None)


def _message(
    kind: MessageKind,
    name: str | None = "Ahmed",
    sender: str = "Roundtrip <roundtrip@example.com>",
    to: str | None = "ahmed@example.com",
) -> EmailMessage:
    """Return the message as a mailbox reads it."""
    link = link_url(kind, base=_BASE, token=_TOKEN) if kind in _LINKS else None
    message = _compose(kind, link=link, name=name, sender=sender, to=to)
    sent = message.as_bytes(policy=SMTP if to is not None and to.isascii() else SMTPUTF8)
    assert max(map(len, sent.split(b"\r\n"))) <= 998
    return message_from_bytes(sent, policy=SMTPUTF8)


def _text(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content()).replace("\r\n", "\n")


class _Links(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.targets: list[str | None] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.targets += [value for name, value in attrs if name in {"href", "src"}]


@pytest.mark.parametrize("kind", MessageKind)
def test_each_message_has_a_text_and_the_same_in_html(kind: MessageKind) -> None:
    """The text part and the HTML part have the same content."""
    message = _message(kind)
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    text, html = _text(message), unescape(_text(message, "html"))
    assert text.startswith("Hello Ahmed,\n\n")
    for line in text.partition("\n-- \n")[0].removeprefix("Hello Ahmed,").split("\n"):
        assert line.removesuffix(":") in html
    assert "{" not in text
    assert message["Subject"] in html


@pytest.mark.parametrize("kind", MessageKind)
def test_the_html_loads_nothing_and_runs_nothing(kind: MessageKind) -> None:
    """The only URL in the HTML is the link, which occurs twice. A notice has no URL."""
    found = _Links(_text(_message(kind), "html"))
    assert found.targets == ([_LINKS[kind]] * 2 if kind in _LINKS else [])
    assert not found.tags & {"img", "script", "link", "iframe", "form", "object"}


@pytest.mark.parametrize("kind", _LINKS)
def test_the_link_is_a_line_of_the_text(kind: MessageKind) -> None:
    """The line is the link and nothing else, so that a mail client can recognise it."""
    lines = _text(_message(kind)).splitlines()
    assert lines.count(_LINKS[kind]) == 1
    lifetime = LINK_LIFETIMES[kind]
    hours, minutes = lifetime // timedelta(hours=1), lifetime // timedelta(minutes=1)
    assert f"valid for {f'{hours} hours' if hours else f'{minutes} minutes'}" in " ".join(lines)


@pytest.mark.parametrize("kind", _NOTICES)
def test_a_notice_says_when_it_happened_and_what_to_do(kind: MessageKind) -> None:
    """The time is in UTC. A notice has no link: users must not learn to trust links in notices."""
    text = _text(_message(kind))
    assert "On 22 November 2026 at 15:30 UTC, " in text
    assert "reset" in text
    assert "://" not in text


def test_the_headers_say_who_and_when_and_that_no_reply_is_expected() -> None:
    """The Message-ID is the same in each attempt. The message is not a mailing list's."""
    message = _message(MessageKind.PASSWORD_CHANGED)
    assert message["From"] == "Roundtrip <roundtrip@example.com>"
    assert message["To"] == "ahmed@example.com"
    assert message["Message-ID"] == f"<42.{int(_EVENT.timestamp())}@example.com>"
    assert message["Date"].datetime == _NOW
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["MIME-Version"] == "1.0"
    assert message["List-Unsubscribe"] is None


def test_a_name_with_markup_is_text() -> None:
    """A name cannot add an element to the HTML."""
    message = _message(MessageKind.RESET_PASSWORD, '<script>alert("1")</script>&amp;')
    html = _text(message, "html")
    assert "script" not in _Links(html).tags
    assert "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;&amp;amp;" in html
    assert 'Hello <script>alert("1")</script>&amp;,' in _text(message)


def test_a_name_is_no_template() -> None:
    """Braces in a user's name or in the sender's name stay unchanged."""
    message = _message(
        MessageKind.PASSWORD_CHANGED, "{{ 7*7 }} {when}", sender='"{when}" <a@b.test>'
    )
    assert "Hello {{ 7*7 }} {when}," in _text(message)
    assert "your {when} account" in _text(message)


@pytest.mark.parametrize("name", ["x" * 100, "محمد بن عبد الله", "名" * 100, "Zoë 👩‍👩‍👧"])
def test_long_and_international_names_are_kept(name: str) -> None:
    """Every name that the service accepts is complete in both parts."""
    message = _message(MessageKind.RESET_PASSWORD, name)
    assert f"Hello {name},\n" in _text(message)
    assert f"<bdi>{name}</bdi>" in _text(message, "html")


def test_a_name_cannot_add_a_line() -> None:
    """Line breaks and other control characters of a name become blanks."""
    message = _message(MessageKind.RESET_PASSWORD, "A\r\nBcc: b@c.test\n\nevil")
    assert "Hello A Bcc: b@c.test evil,\n" in _text(message)
    assert message["Bcc"] is None


def test_without_a_name_the_greeting_has_none() -> None:
    """A message to an unconfirmed address has no text of the person who entered the address."""
    message = _message(MessageKind.CONFIRM_EMAIL, None)
    assert _text(message).startswith("Hello,\n")
    assert "<p>Hello,</p>" in _text(message, "html")


@pytest.mark.parametrize(
    "to",
    ["a@b.test\r\nBcc: c@d.test", "a@b.test, c@d.test", "A <a@b.test>", "a", "", "a@b@c.test",
     "a b@c.test", "a@b.test\n", "a@b.test>", "=?q?a=0d=0abcc=3ac=40d.test?=@e.test", None],
)  # fmt: skip
def test_an_address_cannot_add_a_header_or_a_recipient(to: str | None) -> None:
    """A text that is not exactly one plain address is refused, and so is a missing address."""
    with pytest.raises(MailRefused):
        _message(MessageKind.PASSWORD_CHANGED, to=to)


def test_international_addresses_are_readable_headers() -> None:
    """An international domain is sent in ASCII, and an international local part as it is."""
    kind = MessageKind.PASSWORD_CHANGED
    assert _message(kind, to="ahmed@bücher.example")["To"] == "ahmed@xn--bcher-kva.example"
    assert _message(kind, to="zoë@bücher.example")["To"] == "zoë@bücher.example"


def test_the_sender_may_have_any_name() -> None:
    """The text calls the service by this name, or by the domain if the sender has no name."""
    kind = MessageKind.PASSWORD_CHANGED
    for name, sender in {
        "Shop, Inc.": '"Shop, Inc." <a@b.test>',
        "Café Zoë": "Café Zoë <a@b.test>",
    }.items():
        message = _message(kind, sender=sender)
        assert message["From"].addresses[0].display_name == name
        assert f"your {name} account" in _text(message)
    assert "your b.test account" in _text(_message(kind, sender="a@b.test"))


@pytest.mark.parametrize(
    ("kind", "link"), [(MessageKind.RESET_PASSWORD, None), (MessageKind.PASSWORD_CHANGED, _BASE)]
)
def test_a_link_that_does_not_fit_the_text_is_an_error(kind: MessageKind, link: str | None) -> None:
    """The link that the text needs is missing, or there is a link that the text does not use."""
    with pytest.raises(ValueError, match=kind):
        _compose(kind, link=link)


def test_a_missing_provider_is_an_error() -> None:
    """The text of a notice about an identity names the provider."""
    with pytest.raises(KeyError, match="provider"):
        _compose(MessageKind.IDENTITY_LINKED, link=None, provider=None)


def test_the_token_is_not_shown() -> None:
    """The `repr` of a prepared message may be logged, so it does not contain the link."""
    kind = MessageKind.RESET_PASSWORD
    prepared = PreparedMessage(_stored(kind, "ahmed@example.com"), None, _LINKS[kind])
    assert _TOKEN not in repr(prepared)

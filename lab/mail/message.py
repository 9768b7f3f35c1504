"""A kept message as JSON. These functions also work for a message that is badly broken."""

from datetime import UTC, datetime
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from email.policy import compat32
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from lab.mail.envelope import Envelope
from lab.mail.header import decoded, field, fields
from lab.mail.mailbox import Kept
from lab.mail.text import links_in, text_of_html

Document = dict[str, Any]

# A summary reads only the header, and at most this many bytes.
_MAX_HEADER_BYTES: Final = 64 * 1024
_MAX_FIELDS: Final = 200
_MAX_SUBJECT_CHARACTERS: Final = 500


# The cache is larger than a mailbox, which has at most 200 messages.
@lru_cache(maxsize=512)
def summary(kept: Kept) -> Document:
    """Return a summary of a message, for a list. Callers must not change it, because it is cached.

    :raises FileNotFoundError: when the message has been deleted meanwhile.
    """
    with kept.path.open("rb") as file:
        head = file.read(_MAX_HEADER_BYTES)
    envelope = Envelope.parse(head)
    message: Message = BytesHeaderParser(policy=compat32).parsebytes(_header_of(head))
    subject = field(message, "Subject")
    if len(subject) > _MAX_SUBJECT_CHARACTERS:
        subject = subject[:_MAX_SUBJECT_CHARACTERS] + "…"
    return {
        "id": kept.message_id,
        "from": field(message, "From") or envelope.sender,
        "to": list(envelope.recipients),
        "subject": subject,
        "date": _date(field(message, "Date")),
        "received_at": _rfc3339(datetime.fromtimestamp(kept.received_ns / 1e9, UTC)),
        "size_bytes": kept.size_bytes,
    }


def document(kept: Kept) -> Document:
    """Return the whole message: the summary, the header fields, the text, and the HTML source.

    :raises FileNotFoundError: when the message has been deleted meanwhile.
    """
    content = _content(kept.path.read_bytes())
    html_text = text_of_html(content.html or "")
    text = html_text if content.plain is None else content.plain
    return {
        **summary(kept),
        "headers": content.fields[:_MAX_FIELDS],
        "text": text,
        "html": content.html,
        "links": links_in([text, html_text]),
    }


class _Content(NamedTuple):
    fields: list[tuple[str, str]]
    plain: str | None
    html: str | None


def _header_of(data: bytes) -> bytes:
    ends = [data.find(end) for end in (b"\r\n\r\n", b"\n\n")]
    return data[: min((end for end in ends if end >= 0), default=len(data))]


def _content(data: bytes) -> _Content:
    try:
        message: Message = BytesParser(policy=compat32).parsebytes(data)
        plain, html = (_first_part(message, kind) for kind in ("text/plain", "text/html"))
        return _Content(fields(message), plain, html)
    except Exception:  # noqa: BLE001 - such as a RecursionError, for a deeply nested message.
        header = _header_of(data)
        message = BytesHeaderParser(policy=compat32).parsebytes(header)
        return _Content(fields(message), decoded(data[len(header) :], None).strip(), None)


def _first_part(message: Message, media_type: str) -> str | None:
    for part in message.walk():
        if part.get_content_type() == media_type and not part.is_multipart():
            if part.get_content_disposition() == "attachment":
                continue
            content = part.get_payload(decode=True)
            charset = part.get_content_charset()
            return decoded(content if isinstance(content, bytes) else b"", charset)
    return None


def _date(text: str) -> str | None:
    try:
        return _rfc3339(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _rfc3339(moment: datetime) -> str:
    # RFC 5322 allows the zone `-0000`: the time is in UTC, and the local time zone is unknown. For
    # such a date, Python returns a `moment` without a time zone.
    utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")

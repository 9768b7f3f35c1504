"""The text of a header field. Header fields of a message may contain any bytes."""

import re
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from typing import Final

# Longer fields are cut off, because the time to decode a field grows faster than its length.
MAX_CHARACTERS: Final = 16_384
_FOLD: Final = re.compile(r"\r?\n[ \t]*")


def field(message: Message, name: str) -> str:
    """Return the first field with this name, or an empty text."""
    found = (value for key, value in message.raw_items() if key.lower() == name.lower())
    return next(map(_readable, found), "")


def fields(message: Message) -> list[tuple[str, str]]:
    """Return all fields: name and text."""
    return [(_utf8(name), _readable(value)) for name, value in message.raw_items()]


def _readable(value: object) -> str:
    text = _FOLD.sub(" ", _utf8(str(value))[:MAX_CHARACTERS]).strip()
    try:
        parts = decode_header(text)
    except (HeaderParseError, ValueError):
        return text
    # `decode_header` encodes the parts between encoded words by `raw-unicode-escape`.
    return "".join(
        part if isinstance(part, str) else decoded(part, charset or "raw-unicode-escape")
        for part, charset in parts
    )


def _utf8(text: str) -> str:
    # The parser decodes bytes that are not ASCII to surrogates.
    return text.encode(errors="surrogateescape").decode(errors="replace")


def decoded(data: bytes, charset: str | None) -> str:
    """Decode bytes with this charset, or with UTF-8 if the charset is unknown. Never raises."""
    try:
        text = data.decode(charset or "utf-8", errors="replace")
    except (LookupError, ValueError):
        text = data.decode(errors="replace")
    # Text in some charsets, such as UTF-7, can contain surrogates. JSON in UTF-8 cannot.
    return text.encode(errors="replace").decode()

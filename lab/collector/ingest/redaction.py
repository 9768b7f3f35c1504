"""Removes secrets that a program has written to a span or to a log line by mistake."""

import re
from functools import lru_cache

REDACTED = "[redacted]"

_SECRET_KEY = re.compile(
    r"authorization|cookie|passw|secret|token|credential|csrf|(api|private|signing)[-_.]?key",
    re.IGNORECASE,
)
_FIELDS = r"[\w-]*(?:password|passwd|secret|token|api[-_]?key)|session|cookie"
_NAMES = r"[\w-]*(?:password|passwd|secret|token|api[-_]?key)|code|state"
_SECRET_TEXT = re.compile(
    # Credentials in a header's value (RFC 9110, section 11.4), and a JWT anywhere. The pattern for
    # a JWT reads each run of word characters once, without backtracking. So the time is
    # proportional to the text's length.
    r"(?P<scheme>\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}"
    r"|(?<![\w-])(?P<run>(?>[\w-]*?(?=eyJ)))eyJ[\w-]{4,}+(?:\.[\w-]*){1,4}"
    # A password in a URL, and a secret in a query parameter or in a JSON field.
    r"|(?P<user>://[^/\s:@]*:)[^/\s@]+(?=@)"
    rf"|(?P<query>[?&](?:{_NAMES})=)[^&#\s]*"
    rf"|(?P<field>\"(?:{_NAMES})\"\s*:\s*)\"(?:[^\"\\]|\\.)*\"?",
    re.IGNORECASE,
)

# In a log line, fields are `name=value`. In a traceback, Python prints the strings of a dictionary
# in single quotes, and a string that contains a single quote in double quotes.
_SECRET_FIELD = re.compile(
    rf"(?P<assigned>(?<![\w-])(?:{_FIELDS})=)\S+"
    rf"|(?P<quoted>'(?:{_FIELDS})': ?)b?(?:'(?:[^'\\]|\\.)*'?|\"(?:[^\"\\]|\\.)*\"?)",
    re.IGNORECASE,
)


@lru_cache(maxsize=2048)
def is_secret_name(key: str) -> bool:
    """Return whether the value of an attribute with this name is a secret."""
    return _SECRET_KEY.search(key) is not None


def redacted(text: str) -> str:
    """Replace everything in the text that looks like a secret by `[redacted]`."""
    return _SECRET_TEXT.sub(_without_secret, text)


def redacted_line(text: str) -> str:
    """Replace secrets as `redacted` does, also in the fields and the traceback of a log line."""
    return _SECRET_FIELD.sub(_without_secret, redacted(text))


def _without_secret(match: re.Match[str]) -> str:
    return (match[match.lastgroup] if match.lastgroup else "") + REDACTED

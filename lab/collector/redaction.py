"""Secrets are not kept, even where whoever made a span should have known better."""

import re
from functools import lru_cache

REDACTED = "[redacted]"

_SECRET_KEY = re.compile(
    r"authorization|cookie|passw|secret|token|credential|csrf|(api|private|signing)[-_.]?key",
    re.IGNORECASE,
)
_NAMES = r"[\w-]*(?:password|passwd|secret|token|api[-_]?key)|code|state"
_SECRET_TEXT = re.compile(
    # A header's value (RFC 9110, section 11.4), and a JWT anywhere. A run of its characters is read
    # once, from its beginning and without a step back: the time grows only with the text's length.
    r"(?P<scheme>\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}"
    r"|(?<![\w-])(?P<run>(?>[\w-]*?(?=eyJ)))eyJ[\w-]{4,}+(?:\.[\w-]*){1,4}"
    # The password in an address, a parameter of a query, a field of JSON.
    r"|(?P<user>://[^/\s:@]*:)[^/\s@]+(?=@)"
    rf"|(?P<query>[?&](?:{_NAMES})=)[^&#\s]*"
    rf"|(?P<field>\"(?:{_NAMES})\"\s*:\s*)\"(?:[^\"\\]|\\.)*\"?",
    re.IGNORECASE,
)


@lru_cache(maxsize=2048)
def is_secret(key: str) -> bool:
    """Whether an attribute of this name is kept for its name only."""
    return _SECRET_KEY.search(key) is not None


def cleaned(text: str) -> str:
    """Return the text with what looks like a secret in it taken out."""
    return _SECRET_TEXT.sub(_without_secret, text)


def _without_secret(found: re.Match[str]) -> str:
    return (found[found.lastgroup] if found.lastgroup else "") + REDACTED

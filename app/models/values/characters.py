"""Invisible characters, and characters that change how the text around them is displayed."""

import re
from typing import Final

# Control characters, line separators, and Unicode's controls of writing direction (UAX 9).
_CONTROLS: Final = "\x00-\x1f\x7f-\x9f\u061c\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069"
# The characters with the property Default_Ignorable_Code_Point of the Unicode Character Database,
# without the characters above, and without the joiners U+200C and U+200D. The scripts of India and
# Persia need these joiners within words.
_IGNORABLE: Final = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
# U+FFF9 to U+FFFB are interlinear annotations: format characters that are in neither of the two
# sets above.
REFUSED: Final = f"{_CONTROLS}{_IGNORABLE}\ufff9-\ufffb"
"""The characters that names and emails must not contain, for a regex character class."""

UNSEEN: Final = f"{REFUSED}\\s\u200c\u200d\u2800"
"""All invisible characters: `REFUSED`, blanks, the joiners, and the empty Braille pattern."""

_REFUSED: Final = re.compile(f"[{REFUSED}]")


def has_refused(text: str) -> bool:
    """Return whether a text has a character that names and emails must not contain."""
    return _REFUSED.search(text) is not None


def without_refused(text: str) -> str:
    """Put a blank in place of each character that names and emails must not contain."""
    return _REFUSED.sub(" ", text)

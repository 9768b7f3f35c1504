"""Which passwords are too easy to guess (NIST SP 800-63B-4, section 3.1.1.2).

The schema checks the length. In this module, zxcvbn estimates how many guesses an attacker needs.
zxcvbn assumes that the attacker knows common passwords, words, names, keyboard patterns and
repetitions, and the owner's name and email.
`common_passwords.txt` contains common long passwords that zxcvbn does not know.
"""

import re
from pathlib import Path
from typing import Final

from zxcvbn_rs_py import zxcvbn

from app.errors import FieldError, Invalid

_MIN_SCORE: Final = 4
"""The score of zxcvbn for a password that needs 10 billion guesses or more."""
_MIN_SCORE_WITHOUT_BLANKS: Final = 3
"""The score for 100 million guesses or more. Without its blanks, a passphrase scores less."""
_MAX_SCORED_CHARACTERS: Final = 100
"""The limit is needed because the time of an estimate grows faster than the length."""
_BLANKS: Final = re.compile(r"\s+")
_SEPARATORS: Final = re.compile(r"[\W_]+")
_MIN_NAME_PART_CHARACTERS: Final = 3
"""Shorter parts of a name do not count: many passwords contain them by chance."""
# Both lists are read when this module is imported, so that no signup waits for them. zxcvbn reads
# its own list when it first scores a password that is not empty.
zxcvbn("password")
_COMMON: Final = frozenset(
    Path(__file__).with_name("common_passwords.txt").read_text(encoding="utf-8").splitlines()
)


def reject_guessable(password: str, *, name: str, email: str, pointer: str) -> None:
    """Raise `Invalid` for the field at `pointer` if a password is easy to guess.

    Case makes no difference. A password with blanks is also scored without them, because zxcvbn
    rates blanks too high: `password password` is no better than `passwordpassword`. Only the first
    100 characters are scored.
    """
    typed = password.casefold()[:_MAX_SCORED_CHARACTERS]
    joined = _BLANKS.sub("", typed)
    own = _own_words(name.casefold(), email.casefold())
    if (
        typed not in _COMMON
        and _score(typed, own) >= _MIN_SCORE
        and _score(joined, own) >= _MIN_SCORE_WITHOUT_BLANKS
    ):
        return
    detail = (
        "This password is too easy to guess. "
        "Choose a few unrelated words, and not your own name or email."
    )
    raise Invalid(FieldError(detail, pointer=pointer))


def _own_words(name: str, email: str) -> list[str]:
    local_part = email.partition("@")[0]
    parts = [
        part
        for part in _SEPARATORS.split(f"{name} {local_part}")
        if len(part) >= _MIN_NAME_PART_CHARACTERS
    ]
    return [name, _BLANKS.sub("", name), email, local_part, *parts]


def _score(password: str, own: list[str]) -> int:
    return int(zxcvbn(password, own).score)

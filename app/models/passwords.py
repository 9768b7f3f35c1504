"""Which passwords are too easy to guess (NIST SP 800-63B-4, section 3.1.1.2).

The schema checks the length. Here an estimator, zxcvbn, counts the guesses that an attacker needs
who knows common passwords, words, names, keyboard patterns and repetitions, and the owner's name
and email. What people use as a long password and the estimator does not know is in
`common_passwords.txt`.
"""

import re
from pathlib import Path
from typing import Final

from zxcvbn_rs_py import zxcvbn

_STRONG: Final = 4
"""The score of zxcvbn for 10 billion guesses and more."""
_FAIR: Final = 3
"""For 100 million guesses and more; without its blanks, a passphrase scores less."""
_JUDGED: Final = 100
"""Characters. The time that the estimator takes grows faster than the length."""
_BLANKS: Final = re.compile(r"\s+")
_SEPARATORS: Final = re.compile(r"[\W_]+")
_SHORTEST: Final = 3
"""Characters of a part of a name; shorter ones are in many passwords by chance."""
# Both lists are read when the module is imported, so that no signup waits for them: the estimator
# reads its own at its first use, and not for an empty password.
zxcvbn("password")
_COMMON: Final = frozenset(
    Path(__file__).with_name("common_passwords.txt").read_text(encoding="utf-8").splitlines()
)


def why_guessable(password: str, *, name: str, email: str) -> str | None:
    """Return a sentence if a password is easy to guess, or None if it is not.

    Case makes no difference. Words with blanks between them are also judged without the blanks,
    which the estimator takes for strength: `password password` is no better than
    `passwordpassword`. Of a longer password, the first 100 characters are judged.
    """
    typed = password.casefold()[:_JUDGED]
    joined = _BLANKS.sub("", typed)
    own = _own_words(name.casefold(), email.casefold())
    if typed not in _COMMON and _score(typed, own) >= _STRONG and _score(joined, own) >= _FAIR:
        return None
    return (
        "This password is too easy to guess. "
        "Choose a few unrelated words, and not your own name or email."
    )


def _own_words(name: str, email: str) -> list[str]:
    local_part = email.partition("@")[0]
    parts = [part for part in _SEPARATORS.split(f"{name} {local_part}") if len(part) >= _SHORTEST]
    return [name, _BLANKS.sub("", name), email, local_part, *parts]


def _score(password: str, own: list[str]) -> int:
    return int(zxcvbn(password, own).score)

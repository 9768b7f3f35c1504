"""Which passwords are too easy to guess (NIST SP 800-63B-4, section 3.1.1.2).

Length is the schema's business. Here a password is held against the list that ships in
`common_passwords.txt` and against what everybody knows about its owner.
"""

from pathlib import Path
from typing import Final

_SHORTEST_WORD: Final = 4
# Read with the program, and not by the first person who signs up.
_COMMON: Final = frozenset(
    Path(__file__).with_name("common_passwords.txt").read_text(encoding="utf-8").splitlines()
)


def why_guessable(password: str, *, name: str, email: str) -> str | None:
    """Say what makes a password easy to guess, or None if nothing here does.

    Case makes no difference. A listed password is also found when it is repeated, or
    followed by another listed one, as people do to reach a minimum length.
    """
    folded = password.casefold().strip()
    own = {name.casefold(), email.casefold(), email.casefold().partition("@")[0]}
    if folded in own or _repeated_word(folded) in own:
        return "Choose a password that is not your own name or email."
    if _is_common(folded):
        return (
            "This is one of the passwords that attackers try first. "
            "Choose another, such as a few unrelated words."
        )
    return None


def _is_common(folded: str) -> bool:
    return (
        folded in _COMMON
        or _repeated_word(folded) in _COMMON
        or any(folded[:cut] in _COMMON and folded[cut:] in _COMMON for cut in range(1, len(folded)))
    )


def _repeated_word(text: str) -> str | None:
    # The shortest string of which `text` is a repetition: a string reappears inside its
    # own double first where its period ends. Below four characters it is no word.
    period = (text + text).find(text, 1)
    return text[:period] if period >= _SHORTEST_WORD else None

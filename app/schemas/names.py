"""What a name is, of a person as of a product."""

import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

LONGEST_NAME = 100
# Blanks, and what cannot be seen either: zero-width characters and the byte order mark.
_BLANK = r"\s\u200b-\u200f\u2060\ufeff"
# Control characters, line breaks, and Unicode's controls of writing direction (UAX 9), which
# make what follows them read backwards.
_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
# Stripped by `strip`: a pattern would take quadratic time for blanks in the middle.
_BLANKS = "".join(filter(re.compile(f"[{_BLANK}]").match, map(chr, range(0x10000))))
_WITHIN = re.compile(f"[{_CONTROL}]")


def _name(value: str) -> str:
    name = value.strip(_BLANKS)
    if not name:
        raise PydanticCustomError("name_empty", "A name has at least one character to be seen.")
    if len(name) > LONGEST_NAME:
        raise PydanticCustomError(
            "name_too_long", "A name has at most {longest} characters.", {"longest": LONGEST_NAME}
        )
    if _WITHIN.search(name):
        raise PydanticCustomError(
            "name_control", "A name stands on one line and has no control characters."
        )
    return name


def fitting_name(text: str) -> str | None:
    """Make a name of what another service calls somebody; None if nothing of it can be seen."""
    return (
        _WITHIN.sub(" ", text[: 2 * LONGEST_NAME]).strip(_BLANKS)[:LONGEST_NAME].strip(_BLANKS)
        or None
    )


Name = Annotated[
    str,
    AfterValidator(_name),
    # Blanks around a name do not count, so the schema cannot give the greatest length of
    # what is sent; the pattern says the rest.
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "pattern": f"^[{_BLANK}]*[^{_BLANK}{_CONTROL}]"
            f"(?:[^{_CONTROL}]{{0,98}}[^{_BLANK}{_CONTROL}])?[{_BLANK}]*$",
        }
    ),
]
"""1 to 100 characters on one line; blanks around it do not count."""

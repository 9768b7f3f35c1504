"""Names of users and products."""

import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.models.values.characters import REFUSED, UNSEEN, has_refused, without_refused

MAX_NAME_CHARACTERS = 100
_VISIBLE = re.compile(f"[^{UNSEEN}]")


def _name(value: str) -> str:
    name = value.strip()
    if not _VISIBLE.search(name):
        raise PydanticCustomError("name_empty", "A name has at least one visible character.")
    if len(name) > MAX_NAME_CHARACTERS:
        raise PydanticCustomError(
            "name_too_long",
            "A name has at most {longest} characters.",
            {"longest": MAX_NAME_CHARACTERS},
        )
    if has_refused(name):
        raise PydanticCustomError(
            "name_control",
            "A name is one line without control characters and without invisible characters.",
        )
    return name


def valid_name_from(text: str) -> str | None:
    """Make a valid name from a provider's text. Return None if no character is visible."""
    visible = without_refused(text[: 2 * MAX_NAME_CHARACTERS]).strip()
    name = visible[:MAX_NAME_CHARACTERS].strip()
    return name if _VISIBLE.search(name) else None


Name = Annotated[
    str,
    AfterValidator(_name),
    # Blanks around a name do not count, so a `maxLength` would be wrong. The pattern limits the
    # length instead.
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "pattern": rf"^\s*(?=[^{REFUSED}]*[^{UNSEEN}])[^\s{REFUSED}]"
            rf"(?:[^{REFUSED}]{{0,98}}[^\s{REFUSED}])?\s*$",
        }
    ),
]
"""A name: 1 to 100 characters on one line. Blanks around the name do not count."""

"""What a name is, of a person as of a product."""

import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.models.characters import REFUSED, UNSEEN, has_refused

LONGEST_NAME = 100
_VISIBLE = re.compile(f"[^{UNSEEN}]")
_REFUSED = re.compile(f"[{REFUSED}]")


def _name(value: str) -> str:
    name = value.strip()
    if not _VISIBLE.search(name):
        raise PydanticCustomError("name_empty", "A name has at least one visible character.")
    if len(name) > LONGEST_NAME:
        raise PydanticCustomError(
            "name_too_long", "A name has at most {longest} characters.", {"longest": LONGEST_NAME}
        )
    if has_refused(name):
        raise PydanticCustomError(
            "name_control",
            "A name is one line without control characters and without invisible characters.",
        )
    return name


def fitting_name(text: str) -> str | None:
    """Return a name made of what another service calls a user; None if none of it is visible."""
    name = _REFUSED.sub(" ", text[: 2 * LONGEST_NAME]).strip()[:LONGEST_NAME].strip()
    return name if _VISIBLE.search(name) else None


Name = Annotated[
    str,
    AfterValidator(_name),
    # Blanks around a name do not count, so the schema cannot give the greatest length of
    # what is sent; the pattern says the rest.
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "pattern": rf"^\s*(?=[^{REFUSED}]*[^{UNSEEN}])[^\s{REFUSED}]"
            rf"(?:[^{REFUSED}]{{0,98}}[^\s{REFUSED}])?\s*$",
        }
    ),
]
"""1 to 100 characters on one line; blanks around it do not count."""

"""The ids of the graph: the type and the number of an object, such as `User:42`."""

import re
from typing import Final

from app.errors import NotFound

_ID: Final = re.compile(r"(?:(User|Product|Order):)?([1-9][0-9]{0,18})")
_MAX_NUMBER: Final = 2**63 - 1


def number_of(text: str, type_name: str) -> int:
    """Return the number in an id of this type. The id may be the number alone.

    Raises `NotFound` if the text is no such id.
    """
    found_type, number = split(text)
    if found_type not in {None, type_name}:
        raise NotFound
    return number


def split(text: str) -> tuple[str | None, int]:
    """Return the type and the number in an id. The type is None if the id is only a number.

    Raises `NotFound` if the text is no id.
    """
    match = _ID.fullmatch(text)
    if match is None or int(match[2]) > _MAX_NUMBER:
        raise NotFound
    return match[1], int(match[2])

"""What identifies a cached read, its result, and which change of data invalidates it.

A tag names data. A change of this data invalidates all cached reads with the tag.
"""

import json
from typing import Final, Literal, NamedTuple

CacheOutcome = Literal["hit", "miss", "bypass"]
PRODUCTS_TAG: Final = "products"
"""The tag of every page of the catalogue."""


class CachedBody(NamedTuple):
    """A response body as JSON, and whether it comes from the cache."""

    body: bytes
    outcome: CacheOutcome
    tag: str
    generation: bytes | None = None
    """A random text for the tag. A change of the tag's data deletes this text from Redis.

    The body is current while Redis still has the same text. None if the cache was not used.
    """


def user_tag(user_id: int) -> str:
    """Return the tag of an account."""
    return f"user:{user_id}"


def product_tag(product_id: int) -> str:
    """Return the tag of a product."""
    return f"product:{product_id}"


def orders_tag(user_id: int) -> str:
    """Return the tag of a user's orders. Each single order and each page of the list has it."""
    return f"orders:{user_id}"


def read_key(name: str, /, **parameters: str | int | None) -> str:
    """Return a key that is unique to this name and these parameters.

    The key is JSON, which distinguishes None, 0, "0" and the empty string. JSON also distinguishes
    a separator inside a value from the separator between two values. An f-string distinguishes
    neither.
    """
    return json.dumps([name, parameters], sort_keys=True, separators=(",", ":"))

"""The result of a read through the cache."""

from typing import Literal, NamedTuple

CacheOutcome = Literal["hit", "miss", "bypass"]


class CachedBody(NamedTuple):
    """A response body as JSON, and whether it comes from the cache."""

    body: bytes
    outcome: CacheOutcome
    tag: str
    generation: bytes | None = None
    """A random text for the tag. A change of the tag's data deletes this text from Redis.

    The body is current while Redis still has the same text. None if the cache was not used.
    """

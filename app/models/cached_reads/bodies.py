"""The result of a read through the cache."""

from typing import Literal, NamedTuple

CacheOutcome = Literal["hit", "miss", "bypass"]


class CachedBody(NamedTuple):
    """A response body as JSON, and whether it comes from the cache."""

    body: bytes
    outcome: CacheOutcome
    tag: str
    generation: bytes | None = None
    """The body is current while Redis has this generation for the tag. None for a bypass."""

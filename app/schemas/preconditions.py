"""Entity tags as a client sends them in If-Match and If-None-Match (RFC 9110, section 13.1)."""

import re
from dataclasses import dataclass

from app.errors import MalformedHeader, PreconditionFailed, PreconditionRequired

# RFC 9110, section 8.8.3: entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE
_ENTITY_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_ONE = re.compile(_ENTITY_TAG)
_LIST = re.compile(rf"[ \t,]*{_ENTITY_TAG}(?:[ \t]*,(?:[ \t]*{_ENTITY_TAG})?)*[ \t]*")
# Caddy and Apache add this suffix to the tag of a response that they compress.
_CODING = re.compile(r'-(?:gzip|zstd)"$')


@dataclass(frozen=True)
class EntityTags:
    """The entity tags of one header. `anything` is True if the header is `*`."""

    tags: frozenset[str]
    anything: bool = False

    @classmethod
    def parse(cls, header: str) -> "EntityTags":
        """Read a header's value. Raises `MalformedHeader` when a tag is not quoted.

        The suffix that the load balancer adds to the tag of a compressed response is ignored.
        """
        if header.strip() == "*":
            return cls(frozenset(), anything=True)
        if not _LIST.fullmatch(header):
            raise MalformedHeader(
                'If-Match and If-None-Match take entity tags in their quotes, such as "abc", or *.'
            )
        tags = _ONE.findall(header)
        return cls(frozenset([*tags, *(_CODING.sub('"', tag) for tag in tags)]))

    def match_strongly(self, etag: str) -> bool:
        """Compare for If-Match, where a weak tag never matches (section 8.8.3.2)."""
        return self.anything or etag in self.tags

    def match_weakly(self, etag: str) -> bool:
        """Compare for If-None-Match, where `W/` makes no difference (section 8.8.3.2)."""
        return self.anything or etag in {tag.removeprefix("W/") for tag in self.tags}


def require_match(expected: EntityTags | None, etag: str) -> None:
    """Raise unless the client has sent the tag of the current version, or `*`.

    Raises `PreconditionRequired` if the client has sent no If-Match (RFC 6585, section 3), and
    `PreconditionFailed` if it has sent other tags.
    """
    if expected is None:
        raise PreconditionRequired
    if not expected.match_strongly(etag):
        if expected.match_weakly(etag):
            raise PreconditionFailed("If-Match compares strongly. Send the ETag without `W/`.")
        raise PreconditionFailed

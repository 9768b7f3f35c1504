"""Pagination cursors, which only the service can create.

A cursor contains the id of the last row of a page, not an offset. So rows may be inserted while a
client reads page after page: the client gets no row twice, and misses no row that existed when it
read the first page.

The contents of a cursor are authenticated (HMAC, RFC 2104), but not encrypted. A client can read a
cursor, but cannot create a cursor, or use a cursor for another list.
"""

import base64
import binascii
import hmac
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.adapters.signing_keys import Key, KeyRing
from app.errors import MalformedCursor
from app.models.cached_reads import read_key
from app.settings import TokenSettings

_POSITION: Final = struct.Struct(">Bq")
_MAC_BYTES: Final = 18
"""The HMAC is cut to this length.

Together, the HMAC and the position have 27 bytes, which Base64 encodes without padding.
"""
_KEY_BYTES: Final = 32


_UNCACHED: Final = 0
"""The cursor of a page that is not cached contains this number instead of a limit."""


class Position(NamedTuple):
    """The row after which a page begins, and the parameter `limit` of all pages before it.

    The number 0 instead of a limit means that the page is not cached.
    """

    row_id: int
    limit: int


@dataclass(frozen=True)
class ListCursors:
    """Makes and checks the cursors of one list. Refuses the cursors of other lists."""

    _list: bytes
    _ring: KeyRing
    _secrets: Mapping[Key, bytes]

    def following(self, after: Position | None, limit: int) -> Callable[[int], str]:
        """Return a function that takes the last row's id and returns the next page's cursor."""
        return partial(self.encode, limit=limit if is_in_sequence(after, limit) else _UNCACHED)

    def after_row(self, row_id: int) -> str:
        """Return the cursor of the page after this row. This page is never cached."""
        return self.encode(row_id, _UNCACHED)

    def encode(self, row_id: int, limit: int) -> str:
        """Return the cursor of the page after this row. `Position` explains `limit`."""
        secret = self._secrets[self._ring.signing(datetime.now(UTC))]
        return self._sign(secret, _POSITION.pack(limit, row_id))

    def decode(self, cursor: str | None) -> Position | None:
        """Return the position in a cursor. Without a cursor, return None, for the first page.

        Raises `MalformedCursor` for any text that `encode` has not returned for this list.
        """
        if cursor is None:
            return None
        try:
            raw = base64.b64decode(cursor, altchars=b"-_", validate=True)
            limit, row_id = _POSITION.unpack(raw[_MAC_BYTES:])
        except (binascii.Error, struct.error, ValueError) as error:
            raise MalformedCursor from error
        # The whole text is compared, so that another Base64 spelling of a cursor is refused.
        accepted = [self._sign(secret, raw[_MAC_BYTES:]) for secret in self._secrets.values()]
        if not any(hmac.compare_digest(cursor, expected) for expected in accepted):
            raise MalformedCursor
        return Position(row_id, limit)

    def _sign(self, secret: bytes, position: bytes) -> str:
        mac = hmac.digest(secret, self._list + position, "sha256")[:_MAC_BYTES]
        return base64.urlsafe_b64encode(mac + position).decode()


def is_in_sequence(after: Position | None, limit: int) -> bool:
    """Return whether `next` links lead from the first page to this page, all with one limit.

    The result is also True for the first page. Other pages are not cached: a client can request any
    number of them, and would fill the cache.
    """
    return after is None or after.limit == limit


class Cursors:
    """Makes and checks cursors. Each key of the access tokens has its own secret for cursors.

    New cursors are made with the secret of the key that signs tokens. Cursors made with the secret
    of any key in TOKEN_SIGNING_KEY are accepted, so that clients can continue paging during a key
    rotation.
    """

    def __init__(self, settings: TokenSettings) -> None:
        self._ring = KeyRing(settings.token_signing_key, settings.token_lifetime)
        self._secrets = {key: _derive_secret(key) for key in self._ring.keys}

    def of(self, name: str, /, **parameters: str | int | None) -> ListCursors:
        """Return the cursors of the list with this name and these parameters."""
        list_name = read_key(name, **parameters).encode()
        return ListCursors(list_name, self._ring, self._secrets)


def _derive_secret(key: Key) -> bytes:
    # HKDF (RFC 5869). With `info`, this secret differs from any other secret that is derived from
    # the same seed.
    info, seed = b"roundtrip list cursors", key.private.private_bytes_raw()
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(seed)

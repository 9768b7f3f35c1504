"""Cursors: where a page ended, in a form that only the service can make.

A cursor names the last row that was shown, not a count of rows, so that rows inserted while
a client pages are neither repeated nor make others be skipped. Its contents are not secret, but
authenticated (HMAC, RFC 2104): a client can use the cursors that it got, each in its own list,
and cannot make one up.
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

from app.adapters.keys import Key, KeyRing
from app.errors import MalformedCursor
from app.models.reads import read_key
from app.settings import TokenSettings

_POSITION: Final = struct.Struct(">Bq")
_TAG_BYTES: Final = 18
"""Of the HMAC. With the nine bytes of the position, they fill their Base64 without padding."""
_KEY_BYTES: Final = 32


_CHANGED: Final = 0
"""In place of a limit, in the cursors of all pages after the limit has changed."""


class Position(NamedTuple):
    """The row behind which a page begins, and the limit of all pages before it."""

    row_id: int
    limit: int


@dataclass(frozen=True)
class ListCursors:
    """The cursors of one list. Those of another list are refused."""

    _list: bytes
    _ring: KeyRing
    _secrets: Mapping[Key, bytes]

    def following(self, after: Position | None, limit: int) -> Callable[[int], str]:
        """Return what makes the cursor of the page that begins `after`, of its last row's id."""
        return partial(self.encode, limit=limit if is_in_sequence(after, limit) else _CHANGED)

    def encode(self, row_id: int, limit: int) -> str:
        """Return the cursor for what follows this row, after pages of `limit` rows."""
        secret = self._secrets[self._ring.signing(datetime.now(UTC))]
        return self._signed(secret, _POSITION.pack(limit, row_id))

    def decode(self, cursor: str | None) -> Position | None:
        """Return what a cursor says; None without one: the first page.

        Raises `MalformedCursor` for any text that `encode` has not returned for this list.
        """
        if cursor is None:
            return None
        try:
            raw = base64.b64decode(cursor, altchars=b"-_", validate=True)
            limit, row_id = _POSITION.unpack(raw[_TAG_BYTES:])
        except (binascii.Error, struct.error, ValueError) as error:
            raise MalformedCursor from error
        # The whole text is compared: a position has one cursor, not several spellings of it.
        signed = [self._signed(secret, raw[_TAG_BYTES:]) for secret in self._secrets.values()]
        if not any(hmac.compare_digest(cursor, expected) for expected in signed):
            raise MalformedCursor
        return Position(row_id, limit)

    def _signed(self, secret: bytes, position: bytes) -> str:
        tag = hmac.digest(secret, self._list + position, "sha256")[:_TAG_BYTES]
        return base64.urlsafe_b64encode(tag + position).decode()


def is_in_sequence(after: Position | None, limit: int) -> bool:
    """Tell whether a page is the first, or follows from the first by `next` alone.

    Only these pages are stored: others could be as many as a client likes.
    """
    return after is None or after.limit == limit


class Cursors:
    """Makes and checks cursors, with secrets derived from the keys of the access tokens.

    The key that signs now makes them. Every key in the setting is accepted, so that clients
    page on during a key rotation.
    """

    def __init__(self, settings: TokenSettings) -> None:
        self._ring = KeyRing(settings.token_signing_key, settings.token_lifetime)
        self._secrets = {key: _derived(key) for key in self._ring.keys}

    def of(self, name: str, /, **parameters: str | int | None) -> ListCursors:
        """Return the cursors of the list with this name and these parameters."""
        list_name = read_key(name, **parameters).encode()
        return ListCursors(list_name, self._ring, self._secrets)


def _derived(key: Key) -> bytes:
    # RFC 5869. The label keeps this use of the seed apart from signing.
    info, seed = b"roundtrip list cursors", key.private.private_bytes_raw()
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(seed)

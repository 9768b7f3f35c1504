"""Cursors: where a page ended, in a form that clients hand back and do not read.

A cursor names the last row that was shown, not a count of rows, so that rows inserted
while somebody pages are neither repeated nor make others be skipped.
"""

import base64
import binascii
import hashlib
import struct

from app.errors import MalformedCursor

_CURSOR = struct.Struct(">4sq")
"""Four bytes of checksum, so that a damaged cursor is not taken for another; a row id."""


def encode_cursor(row_id: int) -> str:
    """Name the row behind which the next page begins."""
    return base64.urlsafe_b64encode(_CURSOR.pack(_checksum(row_id), row_id)).decode()


def decode_cursor(cursor: str) -> int:
    """Return the row id in a cursor. Raises `MalformedCursor` for any other string."""
    try:
        checksum, row_id = _CURSOR.unpack(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (binascii.Error, struct.error, ValueError) as error:
        raise MalformedCursor from error
    if checksum != _checksum(row_id):
        raise MalformedCursor
    return int(row_id)


def _checksum(row_id: int) -> bytes:
    return hashlib.sha256(b"cursor %d" % row_id).digest()[:4]

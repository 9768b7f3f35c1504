"""Cursors of lists."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import MalformedCursor
from app.schemas.cursors import decode_cursor, encode_cursor

_IDS = st.integers(min_value=1, max_value=2**63 - 1)


@given(_IDS)
def test_a_cursor_leads_back_to_its_row(row_id: int) -> None:
    """And goes into a URL as it is."""
    cursor = encode_cursor(row_id)
    assert decode_cursor(cursor) == row_id
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(st.one_of(st.text(max_size=60), st.binary(max_size=40).map(
    lambda data: base64.urlsafe_b64encode(data).decode())))  # fmt: skip
def test_any_other_text_is_refused(text: str) -> None:
    """What was not handed out is damaged; nothing else is ever raised."""
    try:
        row_id = decode_cursor(text)
    except MalformedCursor:
        return
    assert 1 <= row_id < 2**63


@pytest.mark.parametrize(
    "plain",
    [b"after:0", b"after:-1", b"after:01", b"after:1 ", b"after:1\n", b"After:1", b"after:",
     b"after:9223372036854775808", b"after:\xd9\xa1"],
)  # fmt: skip
def test_only_the_ids_of_rows_are_taken(plain: bytes) -> None:
    """From 1 to 63 bits, written in one way."""
    with pytest.raises(MalformedCursor):
        decode_cursor(base64.urlsafe_b64encode(plain).rstrip(b"=").decode())

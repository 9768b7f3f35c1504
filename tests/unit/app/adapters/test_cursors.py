"""Cursors: only the service can make them, and each is valid for one list."""

import base64
import secrets
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.adapters.cursors import Cursors, is_in_sequence
from app.errors import MalformedCursor
from app.settings import TokenSettings
from app.settings.types import SigningKey

_IDS = st.integers(min_value=1, max_value=2**63 - 1)
_LIMITS = st.integers(min_value=1, max_value=100)
_PARAMETERS = st.dictionaries(
    st.sampled_from(["user_id", "status", "email"]), st.none() | st.integers() | st.text(max_size=9)
)
_LISTS = st.tuples(st.sampled_from(["users", "products", "orders", "sessions"]), _PARAMETERS)
_OLD = SigningKey(secrets.token_bytes(32))
_NOW = datetime.now(UTC)


def _cursors(*keys: SigningKey) -> Cursors:
    settings = TokenSettings.model_construct(token_signing_key=keys, token_lifetime=900)
    return Cursors(settings)


_CURSORS = _cursors(_OLD)
_PRODUCTS = _CURSORS.of("products")


@given(_LISTS, _IDS, _LIMITS)
def test_a_cursor_decodes_to_its_row_and_limit(
    listing: tuple[str, dict[str, int | str | None]], row_id: int, limit: int
) -> None:
    """The limit is that of all previous pages. In a URL, a cursor needs no encoding."""
    name, parameters = listing
    cursor = _CURSORS.of(name, **parameters).encode(row_id, limit)
    assert _CURSORS.of(name, **parameters).decode(cursor) == (row_id, limit)
    assert cursor.replace("-", "").replace("_", "").isalnum()


def test_the_first_page_has_no_cursor() -> None:
    """Without a cursor, `decode` returns None, and not the position of row 0."""
    assert _PRODUCTS.decode(None) is None


@given(st.lists(_LIMITS, min_size=1, max_size=5))
@example([20, 20, 20])
@example([20, 10, 10])
@example([20, 10, 20])
def test_a_page_is_in_sequence_as_long_as_the_limit_is_the_first_one(limits: list[int]) -> None:
    """After the limit has changed, pages are out of sequence, even if the limit changes back."""
    after = None
    for number, limit in enumerate(limits):
        expected = set(limits[: number + 1]) == {limits[0]}
        assert is_in_sequence(after, limit) == expected  # check 43
        after = _PRODUCTS.decode(_PRODUCTS.following(after, limit)(number + 1))


@given(
    st.text(max_size=60)
    | st.binary(max_size=40).map(lambda data: base64.urlsafe_b64encode(data).decode())
    | st.binary(min_size=27, max_size=27).map(lambda data: base64.b64encode(data).decode())
)
@example("")
@example("ü" * 36)
@example("\ud800" * 36)
@example("AAAAAAAAAAAAAAAA")
@example("4wzbgAAAAAAAAAAB")
def test_an_invented_cursor_is_refused(text: str) -> None:
    """A text that the service has not made raises `MalformedCursor`, and no other exception."""
    with pytest.raises(MalformedCursor):
        _PRODUCTS.decode(text)  # check 43


@given(_IDS, _LIMITS, st.data())
def test_an_altered_cursor_is_refused(row_id: int, limit: int, data: st.DataObject) -> None:
    """A cursor is refused if one bit is changed, or one character is added or removed."""
    cursor = _PRODUCTS.encode(row_id, limit)
    raw = bytearray(base64.urlsafe_b64decode(cursor))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    altered = base64.urlsafe_b64encode(raw).decode()
    for wrong in (altered, cursor[:-1], cursor + "A", cursor + "=", cursor + "\n", f" {cursor}"):
        with pytest.raises(MalformedCursor):
            _PRODUCTS.decode(wrong)  # check 43


def test_a_cursor_has_one_spelling() -> None:
    """A cursor in the other alphabet of Base64 is refused, although it encodes the same bytes."""
    cursor = next(
        cursor for row_id in range(1, 1000) if "-" in (cursor := _PRODUCTS.encode(row_id, 20))
    )
    with pytest.raises(MalformedCursor):
        _PRODUCTS.decode(cursor.replace("-", "+"))


@given(_LISTS, _LISTS, _IDS, _LIMITS)
@example(("orders", {"user_id": 1}), ("orders", {"user_id": 2}), 7, 20)
@example(("orders", {"user_id": 1}), ("orders", {"user_id": "1"}), 7, 20)
@example(("orders", {"status": None}), ("orders", {"status": ""}), 7, 20)
@example(("orders", {"status": None}), ("orders", {"status": "paid"}), 7, 20)
def test_a_cursor_of_another_list_is_refused(
    mine: tuple[str, dict[str, int | str | None]],
    other: tuple[str, dict[str, int | str | None]],
    row_id: int,
    limit: int,
) -> None:
    """Another user's list, and the same list with another filter, are other lists."""
    if mine == other:
        return
    cursor = _CURSORS.of(mine[0], **mine[1]).encode(row_id, limit)
    with pytest.raises(MalformedCursor):
        _CURSORS.of(other[0], **other[1]).decode(cursor)  # check 43


def test_a_cursor_of_another_deployment_is_refused() -> None:
    """Two deployments have different signing keys."""
    other = _cursors(SigningKey(secrets.token_bytes(32)))
    with pytest.raises(MalformedCursor):
        _PRODUCTS.decode(other.of("products").encode(1, 20))


@pytest.mark.parametrize("hours", [-1, 1], ids=["after the change", "before the change"])
def test_a_key_rotation_does_not_break_paging(hours: int) -> None:
    """Cursors of both keys are accepted, before and after the new key begins to sign."""
    new = secrets.token_bytes(32)
    rotating = _cursors(_OLD, SigningKey(new, _NOW + timedelta(hours=hours)))
    products = rotating.of("products")
    assert products.decode(_PRODUCTS.encode(7, 20)) == (7, 20)
    assert products.decode(_cursors(SigningKey(new)).of("products").encode(7, 20)) == (7, 20)
    signs = _PRODUCTS if hours > 0 else _cursors(SigningKey(new)).of("products")
    assert products.encode(7, 20) == signs.encode(7, 20)

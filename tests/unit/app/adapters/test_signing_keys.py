"""Which key signs and which keys verify during a rotation, and the format of the setting."""

import base64
import hashlib
import math
import secrets
from datetime import UTC, datetime, timedelta

import pytest
from pydantic_core import PydanticCustomError

from app.adapters.signing_keys import Key, KeyRing
from app.settings.types import SigningKey, signing_keys
from lab.stack.config.secrets import signing_key

LIFETIME_SECONDS = 900
SECOND = timedelta(seconds=1)
FIRST = datetime(2026, 11, 22, 12, tzinfo=UTC)
NEXT = FIRST + timedelta(hours=1)
LATEST_TIME = datetime.max.replace(tzinfo=UTC)


def _at(moment: datetime) -> SigningKey:
    return SigningKey(secrets.token_bytes(32), moment)


OLD, MIDDLE, NEW = SigningKey(secrets.token_bytes(32)), _at(FIRST), _at(NEXT)
RING = KeyRing([OLD, MIDDLE, NEW], LIFETIME_SECONDS)


def _ids(*keys: SigningKey) -> list[str]:
    return [Key(key, verifies_until=math.inf).id for key in keys]


@pytest.mark.parametrize(
    ("now", "signs", "verify"),
    [
        (FIRST - SECOND, OLD, [OLD, MIDDLE, NEW]),
        (FIRST, MIDDLE, [OLD, MIDDLE, NEW]),
        (FIRST + LIFETIME_SECONDS * SECOND - SECOND, MIDDLE, [OLD, MIDDLE, NEW]),
        (FIRST + LIFETIME_SECONDS * SECOND, MIDDLE, [MIDDLE, NEW]),
        (NEXT - SECOND, MIDDLE, [MIDDLE, NEW]),
        (NEXT, NEW, [MIDDLE, NEW]),
        (NEXT + LIFETIME_SECONDS * SECOND, NEW, [NEW]),
        (LATEST_TIME, NEW, [NEW]),
    ],
    ids=[
        "before",
        "change",
        "last moment",
        "retired",
        "between",
        "second change",
        "end",
        "forever",
    ],
)
def test_a_key_verifies_before_it_signs_and_until_its_last_token_expires(
    now: datetime, signs: SigningKey, verify: list[SigningKey]
) -> None:
    """When a key begins to sign, the key before it verifies for one more token lifetime."""
    assert [RING.signing(now).id] == _ids(signs)  # check 14
    assert list(RING.verifying(now)) == _ids(*verify)  # check 14


def test_a_single_key_always_signs_and_verifies() -> None:
    """Without a rotation, the setting has only one key."""
    ring = KeyRing([OLD], LIFETIME_SECONDS)
    for now in (FIRST, LATEST_TIME):
        assert [ring.signing(now).id] == list(ring.verifying(now)) == _ids(OLD)


def test_a_key_may_have_the_latest_possible_time() -> None:
    """The latest time, which means "never", is valid."""
    ring = KeyRing([OLD, _at(LATEST_TIME)], LIFETIME_SECONDS)
    assert len(ring.verifying(FIRST)) == 2


def test_the_public_key_is_that_of_rfc_8037() -> None:
    """The key is the example in RFC 8037, appendix A. Its id is the thumbprint in appendix A.3."""
    seed = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
    key = Key(SigningKey(base64.urlsafe_b64decode(seed + "=")), verifies_until=math.inf)
    jwk = key.public_jwk
    assert jwk["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert jwk["kid"] == key.id == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert set(jwk) == {"kty", "crv", "x", "kid", "use", "alg"}  # check 14
    assert seed not in str(jwk)


def test_a_key_in_a_message_does_not_show_its_seed() -> None:
    """No text form of the key contains the seed. Only `to_setting` returns the seed."""
    setting = signing_key()
    (key,) = signing_keys(setting)
    assert setting not in f"{key} {key!r} {(key,)}"
    assert key.to_setting() == setting


def test_keys_are_listed_in_the_order_of_their_times() -> None:
    """The first key has no time. Blanks and offsets from UTC are accepted."""
    seeds = [signing_key() for _ in range(3)]
    setting = (
        f" {seeds[0]} , {seeds[1]}@2026-11-22T15:30:00Z ,{seeds[2]}@2026-11-22T16:30:00-01:00 "
    )
    keys = signing_keys(setting)
    assert [base64.b64encode(key.seed).decode() for key in keys] == seeds
    moments = [datetime(2026, 11, 22, hour, 30, tzinfo=UTC) for hour in (15, 17)]
    assert [key.signs_from for key in keys[1:]] == moments
    assert keys[0].signs_from < FIRST - timedelta(days=365 * 1000)
    for secret in [*seeds, *(repr(key.seed) for key in keys)]:
        assert secret not in repr(keys)


# These keys are constant, because pytest puts them into the names of the tests. The names must be
# the same in all workers of pytest-xdist.
A, B, C = (base64.b64encode(hashlib.sha256(name).digest()).decode() for name in (b"A", b"B", b"C"))
EXAMPLE = base64.b64encode(b"a" * 32).decode()


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        (f"{A}@2026-11-22T15:30:00Z", "first key without a time"),
        (f"{A},{B}", "each key after it a later time"),
        (f"{A},{B}@2026-11-22T15:30:00Z,{C}@2026-11-22T15:30:00Z", "later time"),
        (f"{A},{B}@2026-11-22T15:30:00Z,{C}@2026-11-22T16:30:00+01:00", "later time"),
        (f"{A},{B}@2026-11-22T15:30:00Z,{C}@2026-11-21T15:30:00Z", "later time"),
        (f"{A},{B}@", "later time"),
        (f"{A},{A}@2026-11-22T15:30:00Z", "same key twice"),
        (f"{A},{B}@2026-11-22T15:30:00Z,{A}@2026-11-23T15:30:00Z", "same key twice"),
        (f"{A},{B}@2026-11-22T15:30:00", "time that cannot be read"),
        (f"{A},{B}@2026-11-22", "time that cannot be read"),
        (f"{A},{B}@soon", "time that cannot be read"),
        (f"{A},{B}@1795361400", "time that cannot be read"),
        (f"{A},{B}@9999-12-31T23:59:59-01:00", "time that cannot be read"),
        (f"{A},{B}@2026-11-22T15:30:00Z@2026-11-23T15:30:00Z", "time that cannot be read"),
        (f"{A},{EXAMPLE}@2026-11-22T15:30:00Z", "not random bytes"),
        (f"{A},change-me@2026-11-22T15:30:00Z", "example value"),
        (f"{A},", "not 32 bytes"),
        (f",{A}", "not 32 bytes"),
        ("", "not 32 bytes"),
        (f"{A};{B}", "not 32 bytes"),
        (f"{A}{B}", "not 32 bytes"),
        (f"{A[:-4]}", "not 32 bytes"),
        (f"{A},ü{B}@2026-11-22T15:30:00Z", "not 32 bytes"),
    ],
)
def test_invalid_keys_are_refused_with_a_reason_that_quotes_nothing(
    setting: str, reason: str
) -> None:
    """The reason may be logged, and a log must not contain a key."""
    with pytest.raises(PydanticCustomError) as refusal:
        signing_keys(setting)
    message = str(refusal.value)
    assert reason in message  # check 40
    for secret in (A, B, C, EXAMPLE, "soon", "1795361400"):
        assert secret not in message  # check 40

"""Which passwords are too easy to guess."""

import time

import pytest

from app.errors import Invalid
from app.models.values.guessable_passwords import reject_guessable


def _why(password: str) -> str | None:
    """Return the reason for which a password is refused, or None."""
    name, email = "Ahmed Hassan", "ahmed.hassan@example.com"
    try:
        reject_guessable(password, name=name, email=email, pointer="/password")
    except Invalid as refusal:
        (error,) = refusal.errors
        assert error.pointer == "/password"
        return error.detail
    return None


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "purple monkey dishwasher", "ahmed and a longer tail",
     "example.com example", "correct horse battery staple", "नमस्ते दुनिया कैसे हो"],
)  # fmt: skip
def test_a_few_unrelated_words_are_fine(password: str) -> None:
    """These are neither common passwords, nor only the owner's name or email."""
    assert _why(password) is None


@pytest.mark.parametrize(
    "password",
    ["password", "PASSWORD", " password ", "passwordpassword", "PasswordPASSWORDpassword",
     "password123456", "123456123456123456", "qwertyuiop1234567890", "letmeinletmein",
     "1q2w3e4r5t6y7u8i9", "averysecurepassword", "correcthorsebatterystaple"],
)  # fmt: skip
def test_common_passwords_are_refused_alone_repeated_and_joined(password: str) -> None:
    """People often reach a minimum length by repeating a password, and attackers know that."""
    reason = _why(password)  # check 4
    assert reason is not None
    assert password.strip() == "password" or password.strip() not in reason


@pytest.mark.parametrize(
    "password",
    [" " * 15, "abcabcabcabcabc", "aaaaaaaaaaaaaaaaaaaa", "password password",
     "iloveyou iloveyou", "let me in please", "monkeydragonletmein"],
)  # fmt: skip
def test_repeated_units_and_common_words_are_refused(password: str) -> None:
    """Blanks alone, a repeated unit, and common passwords with or without blanks are refused."""
    assert _why(password) is not None  # check 50


@pytest.mark.parametrize(
    "password",
    ["Ahmed Hassan", "AHMED HASSAN", "ahmed.hassan@example.com", "Ahmed.Hassan@EXAMPLE.com",
     "ahmed.hassan", "ahmed.hassanahmed.hassan", " Ahmed Hassan ", "AhmedHassan2024"],
)  # fmt: skip
def test_the_own_name_and_email_are_refused(password: str) -> None:
    """Case, surrounding blanks and repetition make no difference."""
    reason = _why(password)  # check 4
    assert reason is not None
    assert "own name or email" in reason


def test_the_longest_password_is_checked_quickly() -> None:
    """1,024 bytes of any kind must take milliseconds, because the check blocks the event loop."""
    for password in ("ab" * 512, "1" * 1024, "ﷺ" * 341):
        started = time.process_time()
        _why(password)
        # A check whose time grows with the square of the length would take longer.
        assert time.process_time() - started < 0.5

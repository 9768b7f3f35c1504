"""One spelling for each email address, so that a unique index can compare them."""

import unicodedata
from typing import Final

from email_validator import EmailNotValidError, validate_email

from app.models.values.characters import has_refused

_MAX_CODE_POINTS = 1024
"""Four times the length that RFC 5321 allows, because normalising can combine code points."""

ENCODED_WORD: Final = "=?"
"""The beginning of an encoded word (RFC 2047), which can contain a line break. A program that shows
or sends an address may decode an encoded word, although an address must not contain one."""


def normalise_email(typed: str) -> str:
    """Return the one form in which an address is stored and compared.

    The form is NFC, with domain and local part in lower case: `A@X.com` and `a@x.com` are one
    account. Invisible characters are refused, because they make an address look like another
    address. Raises `ValueError` unless the address is well-formed (RFC 5321, RFC 6531). Only a
    message that is sent to the address can show whether the address exists.
    """
    # Normalising takes quadratic time, so a text that cannot be an address is refused first.
    if len(typed) > _MAX_CODE_POINTS or has_refused(typed.strip()) or ENCODED_WORD in typed:
        raise ValueError("not an email address")
    try:
        address = validate_email(
            unicodedata.normalize("NFC", typed.strip()),
            check_deliverability=False,
            test_environment=True,
        )
    except EmailNotValidError as error:
        raise ValueError("not an email address") from error
    return unicodedata.normalize("NFC", address.normalized.lower())

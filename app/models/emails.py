"""One spelling for each email address, so that a unique index can compare them."""

import unicodedata

from email_validator import EmailNotValidError, validate_email

from app.models.characters import has_refused

_LONGEST = 1024
"""Code points; four times what RFC 5321 allows, since normalising makes some of them one."""


def normalise_email(typed: str) -> str:
    """Return the one form in which an address is stored and compared.

    NFC, with domain and local part in lower case: `A@X.com` and `a@x.com` are one account.
    Characters that cannot be seen are refused: with one of them, an address looks like another.
    The address must be well-formed (RFC 5321, RFC 6531); whether anybody reads it, only a
    message sent there can tell. Raises `ValueError` otherwise.
    """
    # Normalising takes quadratic time: what cannot be an address is not normalised first.
    if len(typed) > _LONGEST or has_refused(typed.strip()):
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

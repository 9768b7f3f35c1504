"""One spelling for each email address, so that a unique index can compare them."""

import unicodedata

from email_validator import EmailNotValidError, validate_email


def normalise_email(typed: str) -> str:
    """Return the one form in which an address is stored and compared.

    NFC, with domain and local part in lower case: `A@X.com` and `a@x.com` are one account.
    The address must be well-formed (RFC 5321, RFC 6531); whether anybody reads it, only a
    message sent there can tell. Raises `ValueError` otherwise.
    """
    try:
        address = validate_email(
            unicodedata.normalize("NFC", typed.strip()),
            check_deliverability=False,
            test_environment=True,
        )
    except EmailNotValidError as error:
        raise ValueError("not an email address") from error
    return unicodedata.normalize("NFC", address.normalized.lower())

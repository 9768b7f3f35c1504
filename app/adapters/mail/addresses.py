"""Email addresses as mail servers take them."""

from email_validator import EmailNotValidError, validate_email

from app.adapters.mail.errors import MailRefused
from app.models.values.emails import ENCODED_WORD


def wire_address(email: str) -> str:
    """Return an address in the form that most servers accept.

    An international domain is written in ASCII (RFC 5890). If the local part is not ASCII, the
    result is not ASCII either, and the server must support SMTPUTF8 (RFC 6531). Raises
    `MailRefused` if the address is not well-formed, or contains an encoded word (RFC 2047), because
    Python's `email` package would decode the word.
    """
    if ENCODED_WORD in email:
        raise MailRefused("the address contains an encoded word")
    try:
        address = validate_email(email, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise MailRefused("the address is not well-formed") from None
    return address.ascii_email or address.normalized

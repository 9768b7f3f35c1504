"""Email addresses as mail servers take them."""

from email_validator import EmailNotValidError, validate_email

from app.adapters.mail.errors import MailRefused


def wire_address(email: str) -> str:
    """Return an address in the form that most servers accept.

    An international domain is written in ASCII (RFC 5890). The result has other characters only if
    the local part has them: then the server must support SMTPUTF8 (RFC 6531). Raises `MailRefused`
    if the address is not well-formed.
    """
    try:
        address = validate_email(email, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise MailRefused("the address is not well-formed") from None
    return address.ascii_email or address.normalized

"""The settings of mail: the SMTP server, the sender, and where the links in messages lead."""

import re
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import getaddresses
from typing import Annotated, Final, Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pydantic import AfterValidator, PositiveFloat, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from app.settings.origins import WebAddress, is_loopback
from app.settings.providers import ProviderSettings
from app.settings.types import address, is_example

Tls = Literal["implicit", "starttls", "off"]
DEFAULT_SENDER: Final = "Roundtrip <roundtrip@localhost>"
_EXAMPLE: Final = "smtps://user:password@smtp.example.com"
_DEFAULT_PORTS: Final[dict[Tls, int]] = {"implicit": 465, "starttls": 587, "off": 25}
_HOST: Final = re.compile(r"[A-Za-z0-9._:-]{1,253}")
_MAX_SENDER_CHARACTERS: Final = 320


@dataclass(frozen=True)
class SmtpServer:
    """The SMTP server that takes the service's messages, and the credentials for this server."""

    host: str
    port: int
    tls: Tls
    """`implicit`: TLS from the first byte. `starttls`: TLS before the credentials and messages."""
    username: str | None = None
    password: SecretStr | None = None
    """`username` and `password` are both set, or both are None."""


def smtp_server(url: SecretStr) -> SmtpServer:
    """Parse SMTP_URL. Raises `ValueError` with a sentence that does not quote the URL."""
    parts = urlsplit(url.get_secret_value())
    tls = _tls(parts)
    if parts.hostname is None or not _HOST.fullmatch(parts.hostname):
        raise _invalid("has no valid host")
    if parts.path not in {"", "/"} or parts.fragment:
        raise _invalid("has a path or a fragment")
    username, password = _decoded(parts.username), _decoded(parts.password)
    if (username is None) != (password is None):
        raise _invalid("needs a user and a password, or neither of them")
    if password is not None and tls == "off" and not is_loopback(parts.hostname):
        message = "has a password and tls=off, which is allowed only for a server on this machine"
        raise PydanticCustomError("url", message)
    secret = None if password is None else SecretStr(password)
    return SmtpServer(parts.hostname, parts.port or _DEFAULT_PORTS[tls], tls, username, secret)


def _tls(parts: SplitResult) -> Tls:
    parameters = parse_qsl(parts.query, keep_blank_values=True)
    if parameters not in ([], [("tls", "off")]):
        raise _invalid("has a parameter other than tls=off")
    if not parameters:
        return "implicit" if parts.scheme == "smtps" else "starttls"
    if parts.scheme == "smtps":
        raise _invalid("has tls=off, which needs smtp:// instead of smtps://")
    return "off"


def _decoded(text: str | None) -> str | None:
    # An empty user or password counts as missing.
    try:
        decoded = unquote(text or "", errors="strict")
    except UnicodeDecodeError:
        decoded = "\0"
    if not decoded.isprintable():
        raise _invalid("has a user or a password with a character that is not printable")
    return decoded or None


def _invalid(problem: str) -> PydanticCustomError:
    return PydanticCustomError("url", f"{problem}; write it like `{_EXAMPLE}`")


def _smtp_url(value: SecretStr) -> SecretStr:
    # urlsplit would silently remove line breaks.
    if not value.get_secret_value().isprintable():
        raise _invalid("has a character that is not printable")
    smtp_server(value)
    return value


def _sender(value: str) -> str:
    # The result is the value of the header From: a name with special characters is in quotes.
    try:
        ((name, spec),) = getaddresses([value])
        parsed = Address(name, addr_spec=spec)
    except (HeaderParseError, ValueError, IndexError):
        spec, parsed = "", Address()
    is_address = bool(parsed.username and parsed.domain) and spec.count("@") == 1
    is_plain = value.isprintable() and spec.isascii() and len(value) <= _MAX_SENDER_CHARACTERS
    if not is_address or not is_plain:
        raise PydanticCustomError(
            "sender", "is not a name and an address; write it like `Shop <shop@example.com>`"
        )
    return str(parsed)


SmtpUrl = Annotated[SecretStr, address({"smtp", "smtps"}, _EXAMPLE), AfterValidator(_smtp_url)]
"""`smtps://` is TLS, `smtp://` is STARTTLS, and `smtp://…?tls=off` is no encryption."""
Sender = Annotated[str, AfterValidator(_sender)]
"""A name and an ASCII address, as in the header From."""


class MailSettings(ProviderSettings):
    """The settings of mail. Without SMTP_URL, the service cannot send messages."""

    smtp_url: SmtpUrl | None = None
    # The maximum time in seconds of each command to the SMTP server.
    smtp_timeout: PositiveFloat = 10.0
    mail_from: Sender = DEFAULT_SENDER
    # Where the pages /confirm and /reset are. By default, the service's own pages below PUBLIC_URL.
    account_pages_url: WebAddress | None = None

    @property
    def smtp_server(self) -> SmtpServer | None:
        """The server in SMTP_URL, or None if it is not set."""
        return None if self.smtp_url is None else smtp_server(self.smtp_url)

    @property
    def link_base(self) -> str | None:
        """The URL before `/confirm` and `/reset` in links. None if no setting names it."""
        if self.account_pages_url is not None:
            return self.account_pages_url.rstrip("/")
        if self.public_url is None:
            return None
        return f"{self.public_url}{self.root_path}/account"

    @model_validator(mode="after")
    def _mail_is_complete(self) -> "MailSettings":
        local = self.environment == "local"
        server, pages = self.smtp_server, self.account_pages_url
        if local and server is None:
            return self
        if self.link_base is None:
            raise _refused(
                "PUBLIC_URL is missing: links in messages begin with it. You can set "
                "ACCOUNT_PAGES_URL instead; see .env.example"
            )
        if local:
            return self
        if server is None:
            raise _refused(
                "SMTP_URL is missing: the service sends mail to confirm addresses and to reset "
                "passwords; see .env.example"
            )
        if server.password is not None and is_example(server.password.get_secret_value()):
            raise _refused("SMTP_URL has the example password; choose your own")
        if self.mail_from == DEFAULT_SENDER:
            raise _refused("MAIL_FROM is missing: it is the sender of messages; see .env.example")
        if pages is not None and not pages.startswith("https:"):
            raise _refused("ACCOUNT_PAGES_URL must begin with https://")
        return self


def _refused(message: str) -> PydanticCustomError:
    return PydanticCustomError("mail", message)

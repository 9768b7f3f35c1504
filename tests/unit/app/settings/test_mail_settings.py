"""The settings of mail, read from environment variables."""

import os
from unittest.mock import patch

import pytest
from pydantic import SecretStr, ValidationError

from app.settings.mail import DEFAULT_SENDER, MailSettings, SmtpServer

_PUBLIC_URL = "https://api.example.com"
_COMPLETE = {
    "SMTP_URL": "smtps://user:long-enough-1@smtp.example.com",
    "MAIL_FROM": "Shop <shop@example.com>",
}


def _load(*, environment: str = "local", **variables: str) -> MailSettings:
    with patch.dict(os.environ, {"ENVIRONMENT": environment, **variables}, clear=True):
        return MailSettings()


def test_without_variables_there_is_no_server() -> None:
    """The defaults are enough for a developer's machine."""
    settings = _load()
    assert settings.smtp_server is None
    assert settings.smtp_timeout == 10
    assert settings.mail_from == DEFAULT_SENDER


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtps://u:p@a.test", SmtpServer("a.test", 465, "implicit", "u", SecretStr("p"))),
        ("smtps://u:p@a.test:9", SmtpServer("a.test", 9, "implicit", "u", SecretStr("p"))),
        ("smtp://a.test/", SmtpServer("a.test", 587, "starttls")),
        ("smtp://a.test?tls=off", SmtpServer("a.test", 25, "off")),
        ("smtp://[::1]:1025?tls=off", SmtpServer("::1", 1025, "off")),
        (
            "smtp://me%40a.test:p%2F%C3%A9%3A%25@a.test",
            SmtpServer("a.test", 587, "starttls", "me@a.test", SecretStr("p/é:%")),
        ),
        (
            "smtp://u:p@localhost:1025?tls=off",
            SmtpServer("localhost", 1025, "off", "u", SecretStr("p")),
        ),
    ],
)
def test_the_scheme_chooses_encryption_and_port(url: str, server: SmtpServer) -> None:
    """A port in the URL replaces the default port. User and password are percent-decoded."""
    assert _load(SMTP_URL=url, PUBLIC_URL=_PUBLIC_URL).smtp_server == server


@pytest.mark.parametrize(
    "url",
    [
        "smtp://",
        "http://u:canary@a.test",
        "a.test:25",
        "smtp://u:canary@",
        "smtp://u:canary@a.test:0",
        "smtp://u:canary@a.test:port",
        "smtp://u:canary@a.test/path",
        "smtp://u:canary@a.test#fragment",
        "smtp://u:ca/nary@a.test",
        "smtp://u:canary@a.test?tls=on",
        "smtp://u:canary@a.test?tls=",
        "smtp://u:canary@a.test?verify=off",
        "smtp://a.test?tls=off&tls=off",
        "smtps://a.test?tls=off",
        "smtp://u:canary@a.test?tls=off",
        "smtp://u@a.test",
        "smtp://:canary@a.test",
        "smtp://u:canary%00@a.test",
        "smtp://u:canary%FF@a.test",
        "smtp://u:canary\n@a.test",
        "smtp://u:canary@a b.test",
    ],
)
def test_an_invalid_url_is_refused_and_not_shown(url: str) -> None:
    """The error names the variable. It contains no part of the URL."""
    with pytest.raises(ValidationError) as refusal:
        _load(SMTP_URL=url)
    (error,) = refusal.value.errors(include_input=False)
    assert error["loc"] == ("smtp_url",)
    assert len(error["msg"].splitlines()) == 1
    assert "canary" not in f"{refusal.value}{error}"


def test_the_password_is_not_shown() -> None:
    """The `str` and the `repr` of the settings and of the mail server have no password."""
    settings = _load(SMTP_URL="smtps://user:canary@a.test", PUBLIC_URL=_PUBLIC_URL)
    assert "canary" not in f"{settings!r}{settings}{settings.smtp_server}{settings.smtp_server!r}"


@pytest.mark.parametrize(
    "sender",
    [
        "Shop <shop@example.com>",
        "shop@example.com",
        "Café <shop@example.com>",
        '"Shop, Inc." <shop@example.com>',
    ],
)
def test_a_sender_is_a_name_and_an_address(sender: str) -> None:
    """The name is optional."""
    assert _load(MAIL_FROM=sender).mail_from == sender


@pytest.mark.parametrize(
    "value",
    ["Shop", "Shop <shop>", "Shop <a@b@c.test>", "a@b.test, c@d.test", "Shop <@b.test>",
     "Shop <shop@>", "Shop\r\nBcc: <a@b.test>", "Shop\n <a@b.test>", "Shop <shöp@b.test>",
     "Shop <a b@c.test>", f"{'x' * 400} <a@b.test>"],
)  # fmt: skip
def test_an_invalid_sender_is_refused(value: str) -> None:
    """A sender has exactly one address, in ASCII, and no control character."""
    with pytest.raises(ValidationError, match="is not a name and an address"):
        _load(MAIL_FROM=value)


def test_links_lead_to_the_front_end_or_to_the_service() -> None:
    """ACCOUNT_PAGES_URL replaces the service's own pages."""
    service = _load(PUBLIC_URL=_PUBLIC_URL)
    assert service.link_base == "https://api.example.com/account"
    assert _load().link_base is None
    pages = {"PUBLIC_URL": _PUBLIC_URL, "ACCOUNT_PAGES_URL": "https://shop.example.com/me/"}
    assert _load(**pages).link_base == "https://shop.example.com/me"


@pytest.mark.parametrize(
    "url", ["https://a.test/?x", "https://a.test/#x", "a.test", "ftp://a.test"]
)
def test_pages_have_a_web_address_without_query(url: str) -> None:
    """The service adds a path and a fragment to the address."""
    with pytest.raises(ValidationError):
        _load(ACCOUNT_PAGES_URL=url)


def test_complete_settings_are_accepted() -> None:
    """PUBLIC_URL or ACCOUNT_PAGES_URL is enough."""
    for variable, url in (("PUBLIC_URL", _PUBLIC_URL), ("ACCOUNT_PAGES_URL", "https://shop.test")):
        settings = _load(environment="production", **_COMPLETE, **{variable: url})
        assert settings.link_base is not None


@pytest.mark.parametrize(
    ("message", "changes"),
    [
        (
            "PUBLIC_URL is missing: links in messages begin with it. You can set ACCOUNT_PAGES_URL",
            {"PUBLIC_URL": ""},
        ),
        ("SMTP_URL is missing", {"SMTP_URL": ""}),
        ("SMTP_URL has the example password", {"SMTP_URL": "smtps://u:change-me@a.test"}),
        ("MAIL_FROM is missing", {"MAIL_FROM": ""}),
        ("MAIL_FROM is missing", {"MAIL_FROM": DEFAULT_SENDER}),
        ("ACCOUNT_PAGES_URL must begin with https://", {"ACCOUNT_PAGES_URL": "http://a.test"}),
    ],
)
def test_a_missing_setting_is_named(message: str, changes: dict[str, str]) -> None:
    """Outside a developer's machine, the service does not start without mail."""
    variables = {**_COMPLETE, "PUBLIC_URL": _PUBLIC_URL, **changes}
    with pytest.raises(ValidationError) as refusal:
        _load(environment="production", **variables)
    (error,) = refusal.value.errors()
    assert error["msg"].startswith(message)

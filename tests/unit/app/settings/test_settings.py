"""The settings, read from environment variables."""

import base64
import os
import re
from unittest.mock import patch

import pydantic
import pytest

from app.settings import Settings, SettingsError, load_settings
from lab.stack.config.secrets import signing_key
from tests.service import CHECKOUT

_VALID = {
    "DATABASE_URL": "postgresql://roundtrip:wQ8-long-enough@db/roundtrip",
    "REDIS_URL": "redis://:wQ8-long-enough@cache:6379/0",
    "SMTP_URL": "smtps://shop:wQ8-long-enough@smtp.test",
    "MAIL_FROM": "Shop <accounts@shop.test>",
    "ACCOUNT_PAGES_URL": "https://shop.test/account",
}


def _load(**changes: str | None) -> Settings:
    variables = {**_VALID, "TOKEN_SIGNING_KEY": signing_key(), **changes}
    given = {name: value for name, value in variables.items() if value is not None}
    with patch.dict(os.environ, given, clear=True):
        return load_settings(Settings)


def test_the_defaults_are_those_of_the_contract() -> None:
    """The default environment is production. Limits, sizes and times are as documented."""
    settings = _load()
    assert settings.environment == "production"
    assert settings.rate_limit_signup == settings.rate_limit_login == "10/minute"
    assert settings.rate_limit_password == "5/minute"
    assert settings.rate_limit_mail == "10/10minutes"
    assert settings.rate_limit_default == "1200/minute"
    assert settings.rate_limit_login_failures == "20/15minutes"
    assert settings.token_lifetime == 900
    assert settings.session_lifetime == 30 * 24 * 3600
    assert settings.session_idle_lifetime == 7 * 24 * 3600
    assert settings.max_body_size == 64 * 1024
    assert settings.request_timeout == 10
    assert settings.database_statement_timeout < settings.request_timeout
    assert settings.database_pool_timeout == 5
    assert settings.redis_timeout == 0.15
    assert settings.log_format == "json"
    assert settings.sweep_schedule == "*/10 * * * *"
    assert (settings.job_max_attempts, settings.job_max_pause) == (100, 900)
    assert settings.job_concurrency == 4


def test_the_example_file_shows_the_defaults() -> None:
    """If an operator uncomments a line of .env.example, no setting changes."""
    fields = {name.upper() for name in Settings.model_fields}
    lines = re.findall(r"^#([A-Z_]+)=(.+)$", (CHECKOUT / ".env.example").read_text(), re.MULTILINE)
    # These settings have no constant default.
    varying = {"DATABASE_REPLICA_URL", "RATE_LIMIT_REDIS_URL", "PASSWORD_THREADS"}
    shown = {name: value.strip('"') for name, value in lines if name in fields - varying}
    by_default = _load()
    as_shown = _load(**shown)
    for name in shown:
        assert getattr(as_shown, name.lower()) == getattr(by_default, name.lower()), name
    assert len(shown) > 25


def test_settings_are_frozen_and_do_not_show_secrets() -> None:
    """No setting can be changed, and the text of the settings contains no secret."""
    key = signing_key()
    limits = "redis://:another-long-one@limits:6379/0"
    settings = _load(TOKEN_SIGNING_KEY=key, RATE_LIMIT_REDIS_URL=limits)
    with pytest.raises(pydantic.ValidationError):
        settings.environment = "local"  # type: ignore[misc]
    for secret in (key, "wQ8-long-enough", "another-long-one"):
        assert secret not in f"{settings!r}{settings}"


def test_an_empty_variable_counts_as_unset() -> None:
    """Container platforms pass an empty value for a variable that is not set."""
    assert _load(RATE_LIMIT_LOGIN="").rate_limit_login == "10/minute"


def test_allowed_hosts_are_separated_by_commas() -> None:
    """Blanks around a name are ignored."""
    settings = _load(ALLOWED_HOSTS="api.example, www.example")
    assert settings.allowed_hosts == ("api.example", "www.example")


def test_origins_are_kept_as_browsers_write_them() -> None:
    """Origins have lower case, no final slash and no default port. The default is no origin."""
    assert _load().cors_origins == ()
    origins = "https://App.example.com/, http://localhost:5173,https://b.test:443,http://c.test:80"
    assert _load(CORS_ORIGINS=origins).cors_origins == (
        "https://app.example.com",
        "http://localhost:5173",
        "https://b.test",
        "http://c.test",
    )


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "app.example.com", "https://*.example.com", "https://a.test/path", "//a.test",
     "https://a.test,", "ftp://a.test", "https://user@a.test", "https://a.test?x"],
)  # fmt: skip
def test_an_invalid_origin_is_refused(origin: str) -> None:
    """No browser sends such an origin. It would never match, and no message would say so."""
    with pytest.raises(SettingsError) as refusal:
        _load(CORS_ORIGINS=origin)
    assert str(refusal.value).startswith("CORS_ORIGINS ")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_the_database_url_may_have_any_postgresql_scheme(scheme: str) -> None:
    """Hosting platforms use each of these schemes."""
    _load(DATABASE_URL=f"{scheme}://a:wQ8-long-enough@db/x")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TOKEN_SIGNING_KEY", None),
        ("TOKEN_SIGNING_KEY", ""),
        ("TOKEN_SIGNING_KEY", "change-me"),
        ("TOKEN_SIGNING_KEY", "not Base64 at all, but quite a long string"),
        ("TOKEN_SIGNING_KEY", base64.b64encode(b"only sixteen byt").decode()),
        ("TOKEN_SIGNING_KEY", base64.b64encode(b"a" * 32).decode()),
        ("TOKEN_SIGNING_KEY", base64.b64encode(b"example-example-example-example-").decode()),
        ("DATABASE_URL", None),
        ("DATABASE_URL", "mysql://a:wQ8-long-enough@db/x"),
        ("DATABASE_URL", "postgresql://a:canary@db/x"),
        ("DATABASE_URL", "postgresql://a:change-me-please@db/x"),
        ("DATABASE_URL", "postgresql://a:@db/x"),
        ("REDIS_URL", None),
        ("REDIS_URL", "http://:wQ8-long-enough@cache"),
        ("REDIS_URL", "redis://:canary@cache"),
        ("REDIS_URL", "redis://:changeme-changeme@cache"),
        ("REDIS_URL", "redis://:canary-long-enough@h1:6379,h2:6379/0"),
        ("REDIS_URL", "redis://:12#canary-long-enough@cache:6379/0"),
        ("RATE_LIMIT_REDIS_URL", "http://:wQ8-long-enough@limits"),
        ("RATE_LIMIT_REDIS_URL", "redis://:canary@limits"),
        ("RATE_LIMIT_REDIS_URL", "redis://:changeme-changeme@limits"),
        ("DATABASE_REPLICA_URL", "postgresql://roundtrip:change-me-please@replica/roundtrip"),
        ("RATE_LIMIT_LOGIN", "canary"),
        ("RATE_LIMIT_SIGNUP", "canary/minute"),
        ("TRACE_LIMIT", "canary"),
        ("TRACE_LIMIT", "5/second;100/minute"),
        ("TRACE_LIMIT", "5/second,100/minute"),
        ("TRACE_LIMIT", "5/second|100/minute"),
        ("REQUEST_TIMEOUT", "0"),
        ("REQUEST_TIMEOUT", "canary"),
        ("MAX_BODY_SIZE", "-1"),
        ("LOG_LEVEL", "canary"),
        ("ENVIRONMENT", "canary"),
        ("DATABASE_STATEMENT_TIMEOUT", "10"),
    ],
)
def test_an_invalid_variable_is_named_and_its_value_is_not_shown(
    variable: str, value: str | None
) -> None:
    """The error has one line, which begins with the variable's name."""
    with pytest.raises(SettingsError) as refusal:
        _load(**{variable: value})
    (line,) = str(refusal.value).splitlines()
    assert line.startswith(variable)  # check 40
    assert not value or len(value) < 3 or value not in line
    assert "canary" not in line
    assert "change-me-please" not in line


_GOOGLE = {"GOOGLE_CLIENT_ID": "id", "GOOGLE_CLIENT_SECRET": "canary-1"}
_OTHER = {
    "OIDC_ISSUER": "https://id.test/realm",
    "OIDC_CLIENT_ID": "id",
    "OIDC_CLIENT_SECRET": "canary-2",
}
_PUBLIC = {"PUBLIC_URL": "https://api.test"}


def test_google_needs_two_variables_and_any_other_provider_three() -> None:
    """The service sends requests only to a provider's `hosts`."""
    settings = _load(**_GOOGLE, **_OTHER, **_PUBLIC, OIDC_HOSTS="keys.id.test")
    google, other = settings.providers
    assert (google.name, google.issuer) == ("google", "https://accounts.google.com")
    assert "oauth2.googleapis.com" in google.hosts
    assert (other.name, other.issuer) == ("oidc", "https://id.test/realm")
    assert other.hosts == {"id.test", "keys.id.test"}
    assert google.networks == other.networks == ()
    assert "canary" not in f"{settings!r}{settings}{settings.providers}"
    assert _load().providers == ()


def test_private_networks_are_for_the_other_provider_only() -> None:
    """Google is on the public internet."""
    networks = {"OIDC_PRIVATE_NETWORKS": "10.0.0.0/8, fd00::/8"}
    google, other = _load(**_GOOGLE, **_OTHER, **_PUBLIC, **networks).providers
    assert google.networks == ()
    assert list(map(str, other.networks)) == ["10.0.0.0/8", "fd00::/8"]


def test_a_trailing_slash_of_the_public_url_makes_no_difference() -> None:
    """The setting is an origin, which has no path."""
    assert _load(PUBLIC_URL="https://api.test/").public_url == "https://api.test"


@pytest.mark.parametrize(
    ("variable", "changes"),
    [
        ("GOOGLE_CLIENT_", {"GOOGLE_CLIENT_ID": "id"}),
        ("GOOGLE_CLIENT_", {"GOOGLE_CLIENT_SECRET": "canary"}),
        ("OIDC_", {"OIDC_ISSUER": "https://id.test"}),
        ("OIDC_", {**_OTHER, "OIDC_CLIENT_SECRET": None}),
        ("OIDC_NAME", {**_GOOGLE, **_OTHER, **_PUBLIC, "OIDC_NAME": "google"}),
        ("OIDC_PRIVATE_NETWORKS", {"OIDC_PRIVATE_NETWORKS": "canary"}),
        ("OIDC_PRIVATE_NETWORKS", {"OIDC_PRIVATE_NETWORKS": "10.0.0.1/8"}),
        ("OIDC_NAME", {"OIDC_NAME": "Canary"}),
        ("OIDC_NAME", {"OIDC_NAME": "can/ary"}),
        ("OIDC_ISSUER", {**_OTHER, **_PUBLIC, "OIDC_ISSUER": "http://canary.test"}),
        ("OIDC_ISSUER", {**_OTHER, **_PUBLIC, "OIDC_ISSUER": "http://localhost:1"}),
        ("OIDC_ISSUER", {**_OTHER, **_PUBLIC, "OIDC_ISSUER": "canary"}),
        ("OIDC_ISSUER", {**_OTHER, **_PUBLIC, "OIDC_ISSUER": "https://canary@id.test"}),
        ("OIDC_ISSUER", {**_OTHER, **_PUBLIC, "OIDC_ISSUER": "https://id.test?x=canary"}),
        ("OIDC_TIMEOUT", {**_OTHER, **_PUBLIC, "OIDC_TIMEOUT": "10"}),
        ("PUBLIC_URL", _OTHER),
        ("PUBLIC_URL", {"PUBLIC_URL": "http://canary.test"}),
        ("PUBLIC_URL", {"PUBLIC_URL": "https://api.test/canary"}),
        ("ROOT_PATH", {"ROOT_PATH": "canary"}),
        ("ROOT_PATH", {"ROOT_PATH": "//canary.test"}),
        ("ROOT_PATH", {"ROOT_PATH": "/canary?x"}),
        ("ROOT_PATH", {"ROOT_PATH": "/canary/.."}),
        ("ROOT_PATH", {"ROOT_PATH": "/api/canary"}),
        ("GOOGLE_CLIENT_SECRET", {**_GOOGLE, **_PUBLIC, "GOOGLE_CLIENT_SECRET": "change-me-x"}),
        ("OIDC_CLIENT_SECRET", {**_OTHER, **_PUBLIC, "OIDC_CLIENT_SECRET": "change-me-x"}),
    ],
)
def test_an_invalid_setting_of_a_provider_is_named(
    variable: str, changes: dict[str, str | None]
) -> None:
    """The error has one line, and is raised when the settings are loaded."""
    with pytest.raises(SettingsError) as refusal:
        _load(**changes)
    (line,) = str(refusal.value).splitlines()
    assert line.startswith(variable)  # check 40
    assert "canary" not in line.lower()
    assert "change-me-x" not in line


def test_a_provider_on_a_developers_machine_may_be_used_without_tls() -> None:
    """HTTP is allowed only to the same machine, and only in the local environment."""
    local = {"ENVIRONMENT": "local", **_OTHER}
    for issuer in ("http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1"):
        assert _load(**{**local, "OIDC_ISSUER": issuer}).providers
    with pytest.raises(SettingsError):
        _load(**{**local, "OIDC_ISSUER": "http://id.test"})


def test_allowed_hosts_replace_the_public_url() -> None:
    """A provider needs PUBLIC_URL or ALLOWED_HOSTS.

    With allowed hosts, a forged Host header cannot send users and their codes to another server.
    """
    assert _load(**_OTHER, ALLOWED_HOSTS="api.test").providers


def test_local_servers_may_have_short_passwords() -> None:
    """Only production refuses short passwords. The signing key is required everywhere."""
    local = {"ENVIRONMENT": "local", "DATABASE_URL": "postgresql://a:b@localhost/x"}
    assert _load(**local).environment == "local"
    with pytest.raises(SettingsError):
        _load(**local, TOKEN_SIGNING_KEY=None)

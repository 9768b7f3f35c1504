"""With missing or invalid settings, the process does not start, and names these settings."""

import base64
import os
import subprocess
from collections.abc import Mapping

import pytest

from lab.stack.config.ports import free_port
from lab.stack.config.secrets import signing_key
from tests import preloaded

_VALID = {
    "DATABASE_URL": "postgresql://roundtrip:wQ8-long-enough@127.0.0.1:1/roundtrip",
    "REDIS_URL": "redis://:wQ8-long-enough@127.0.0.1:1/0",
    "SMTP_URL": "smtps://shop:wQ8-long-enough@127.0.0.1:1",
    "MAIL_FROM": "Shop <accounts@shop.example>",
    "ACCOUNT_PAGES_URL": "https://shop.example/account",
}


def _start(settings: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = ["uvicorn", "--factory", "app.main:create_app", "--port", str(free_port())]
    return preloaded.run(command, environment={**kept, **settings})


def _assert_refused(
    result: "subprocess.CompletedProcess[str]", invalid: set[str], values: list[str]
) -> None:
    output = result.stdout + result.stderr
    assert result.returncode not in {0, None}  # check 40
    for variable in invalid:
        assert variable in output  # check 40
    for variable in {"DATABASE_URL", "REDIS_URL", "TOKEN_SIGNING_KEY"} - invalid:
        assert variable not in output
    for value in values:
        assert value not in output
    assert "Traceback" not in output


def test_without_settings_every_required_variable_is_named() -> None:
    """One start names all missing variables."""
    _assert_refused(_start({}), {"DATABASE_URL", "REDIS_URL", "TOKEN_SIGNING_KEY"}, [])


@pytest.mark.parametrize(
    "key",
    ["c2hvcnQ=", "change-me-change-me-change-me-change-me", base64.b64encode(bytes(32)).decode()],
    ids=["short", "example", "zeros"],
)
def test_an_invalid_signing_key_is_refused_and_not_repeated(key: str) -> None:
    """The default environment is production, so this check is never skipped by accident."""
    result = _start({**_VALID, "TOKEN_SIGNING_KEY": key})
    _assert_refused(result, {"TOKEN_SIGNING_KEY"}, [key])


@pytest.mark.parametrize("path", ["", "/", "/0", "/0/0/0", "/primary/first"])
def test_a_url_of_sentinels_names_the_primary(path: str) -> None:
    """The message shows how to write the URL."""
    url = f"redis+sentinel://:wQ8-long-enough@127.0.0.1:1,127.0.0.2{path}"
    result = _start({**_VALID, "TOKEN_SIGNING_KEY": signing_key(), "REDIS_URL": url})
    _assert_refused(result, {"REDIS_URL"}, ["wQ8-long-enough"])
    assert "does not name the primary" in result.stderr


@pytest.mark.parametrize("path", ["/1", "/primary/0", "/0?ssl_ca_certs=ca.pem"])
def test_a_url_of_a_cluster_has_no_database_and_no_parameters(path: str) -> None:
    """The message shows how to write the URL."""
    url = f"redis+cluster://:wQ8-long-enough@127.0.0.1:1,127.0.0.2{path}"
    result = _start({**_VALID, "TOKEN_SIGNING_KEY": signing_key(), "REDIS_URL": url})
    _assert_refused(result, {"REDIS_URL"}, ["wQ8-long-enough"])
    assert "a cluster has none" in result.stderr


@pytest.mark.slow
def test_example_and_short_passwords_of_servers_are_refused() -> None:
    """The URLs of PostgreSQL and Redis are both checked. The message names the variable."""
    settings = {"TOKEN_SIGNING_KEY": signing_key(), "ENVIRONMENT": "production"}
    example = _VALID["DATABASE_URL"].replace("wQ8-long-enough", "change-me-please")
    result = _start({**settings, **_VALID, "DATABASE_URL": example})
    _assert_refused(result, {"DATABASE_URL"}, ["change-me-please", settings["TOKEN_SIGNING_KEY"]])
    short = _VALID["REDIS_URL"].replace("wQ8-long-enough", "s3cr3t")
    result = _start({**settings, **_VALID, "REDIS_URL": short})
    _assert_refused(result, {"REDIS_URL"}, ["s3cr3t", settings["TOKEN_SIGNING_KEY"]])

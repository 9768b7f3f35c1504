"""The first `docker compose up`, and its errors."""

import re
import socket

import pytest

from tests.docker.compose_stack import ComposeStack


def test_without_secrets_one_line_says_what_to_do(own_stack: ComposeStack) -> None:
    """The line names `make secrets`, and no container is started."""
    result = own_stack.compose("up", "--wait")
    assert result.returncode != 0
    assert len(result.stderr.splitlines()) == 1
    assert "run `make secrets` once" in result.stderr
    assert not any(own_stack.resources().values())


@pytest.mark.parametrize(
    "missing",
    [
        "DATABASE_PASSWORD",
        "MIGRATOR_PASSWORD",
        "REDIS_PASSWORD",
        "RATE_LIMIT_REDIS_PASSWORD",
        "TOKEN_SIGNING_KEY",
    ],
)
def test_a_missing_or_empty_secret_is_named(own_stack: ComposeStack, missing: str) -> None:
    """The error names the secret, and the command that creates it."""
    own_stack.make_secrets()
    env = own_stack.directory / ".env"
    for replacement in ("", f"{missing}=\n"):
        text = re.sub(rf"^{missing}=.*\n", replacement, env.read_text(), flags=re.MULTILINE)
        env.write_text(text)
        result = own_stack.compose("config", "--quiet")
        assert result.returncode != 0
        assert f"{missing} is missing a value: run `make secrets` once" in result.stderr
        own_stack.make_secrets()


def test_secrets_are_created_once_and_only_their_owner_can_read_them(
    own_stack: ComposeStack,
) -> None:
    """A second `make secrets` changes nothing, and other lines of .env stay."""
    env = own_stack.directory / ".env"
    env.write_text("LOG_LEVEL=debug")
    own_stack.make_secrets()
    created = env.read_text()
    own_stack.make_secrets()
    assert env.read_text() == created
    assert created.startswith("LOG_LEVEL=debug\n")
    values = [line.partition("=")[2] for line in created.splitlines()[1:]]
    assert len(set(values)) == len(values) == 5
    assert env.stat().st_mode & 0o777 == 0o600


def test_a_short_password_is_refused_and_its_setting_is_named(own_stack: ComposeStack) -> None:
    """The service does not start. Its log contains the reason."""
    own_stack.make_secrets(REDIS_PASSWORD="s3cr3t")
    assert own_stack.compose("up", "--wait").returncode != 0
    assert "REDIS_URL has a password of fewer than 12" in own_stack.succeed("logs", "app-1")


def test_a_taken_port_is_named(own_stack: ComposeStack) -> None:
    """The error contains the port. The start succeeds when the port is free again."""
    own_stack.make_secrets()
    with socket.create_server(("127.0.0.1", own_stack.http_port)):
        result = own_stack.compose("up", "--wait")
        assert result.returncode != 0
        assert str(own_stack.http_port) in result.stderr
    own_stack.succeed("up", "--wait")
    assert own_stack.ready()

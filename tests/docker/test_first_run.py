"""The first `docker compose up`: what it says when it cannot start."""

import re
import socket

import pytest

from tests.docker.compose_stack import ComposeStack


def test_without_secrets_one_sentence_says_what_to_do(own_stack: ComposeStack) -> None:
    """And nothing is started."""
    result = own_stack.compose("up", "--wait")
    assert result.returncode != 0
    assert len(result.stderr.splitlines()) == 1
    assert "run `make secrets` once" in result.stderr
    assert not any(own_stack.left_behind().values())


@pytest.mark.parametrize(
    "missing",
    [
        "DATABASE_PASSWORD",
        "REDIS_PASSWORD",
        "RATE_LIMIT_REDIS_PASSWORD",
        "TOKEN_SIGNING_KEY",
    ],
)
def test_each_secret_that_is_missing_or_empty_is_named(
    own_stack: ComposeStack, missing: str
) -> None:
    """Whichever of the four it is."""
    own_stack.make_secrets()
    env = own_stack.directory / ".env"
    for instead in ("", f"{missing}=\n"):
        text = re.sub(rf"^{missing}=.*\n", instead, env.read_text(), flags=re.MULTILINE)
        env.write_text(text)
        result = own_stack.compose("config", "--quiet")
        assert result.returncode != 0
        assert f"{missing} is missing a value: run `make secrets` once" in result.stderr
        own_stack.make_secrets()


def test_secrets_are_made_once_and_for_their_owner_only(own_stack: ComposeStack) -> None:
    """A second time changes nothing, and what somebody wrote there before is kept."""
    env = own_stack.directory / ".env"
    env.write_text("LOG_LEVEL=debug")
    own_stack.make_secrets()
    made = env.read_text()
    own_stack.make_secrets()
    assert env.read_text() == made
    assert made.startswith("LOG_LEVEL=debug\n")
    values = [line.partition("=")[2] for line in made.splitlines()[1:]]
    assert len(set(values)) == len(values) == 4
    assert env.stat().st_mode & 0o777 == 0o600


def test_a_short_password_is_refused_with_its_name(own_stack: ComposeStack) -> None:
    """The service does not start, and its log says why."""
    own_stack.make_secrets(REDIS_PASSWORD="s3cr3t")
    assert own_stack.compose("up", "--wait").returncode != 0
    assert "REDIS_URL has a password of fewer than 12" in own_stack.succeed("logs", "app-1")


def test_a_port_that_is_taken_is_named(own_stack: ComposeStack) -> None:
    """Another one can be chosen by HTTP_PORT."""
    own_stack.make_secrets()
    with socket.create_server(("127.0.0.1", own_stack.http_port)):
        result = own_stack.compose("up", "--wait")
        assert result.returncode != 0
        assert str(own_stack.http_port) in result.stderr
    own_stack.succeed("up", "--wait")
    assert own_stack.ready()

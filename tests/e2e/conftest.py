"""The stack that the tests of one worker share."""

from collections.abc import Callable, Iterator

import pytest

from lab.fault.command import fault as command
from lab.stack.paths import Paths
from tests.e2e.local_stack import NO_LIMITS, NO_PROVIDER, LocalStack

Fault = Callable[..., str]


@pytest.fixture(scope="session")
def started_stack() -> Iterator[LocalStack]:
    """A stack in the background with limits that nobody reaches, shared by all."""
    stack = LocalStack(**{**NO_LIMITS, "RATE_LIMIT_SIGNUP": "654321/minute"})
    try:
        stack.start()
        yield stack
    finally:
        stack.discard()


@pytest.fixture
def stack(started_stack: LocalStack) -> LocalStack:
    """The shared stack, running whatever the test before has done to it."""
    if not started_stack.runs():
        started_stack.start()
    return started_stack


@pytest.fixture
def fault(stack: LocalStack, capsys: pytest.CaptureFixture[str]) -> Iterator[Fault]:
    """Runs `lab fault`, and returns the sentence that it says; all is healed after the test."""

    def run(*words: str) -> str:
        assert command(Paths(stack.directory), words) == 0
        said = capsys.readouterr().out
        assert said.count("\n") == 1, said
        return said

    yield run
    for part in ("redis", "postgres", "slow-sql"):
        run(part, "heal")


@pytest.fixture
def own_stack() -> Iterator[LocalStack]:
    """A stack of this test's own, not started, without an identity provider."""
    stack = LocalStack(**NO_PROVIDER)
    yield stack
    stack.discard()


@pytest.fixture
def unlimited_stack() -> Iterator[LocalStack]:
    """A started stack of this test's own with limits that nobody reaches, without a provider."""
    stack = LocalStack(**NO_PROVIDER, **NO_LIMITS)
    try:
        stack.start()
        yield stack
    finally:
        stack.discard()

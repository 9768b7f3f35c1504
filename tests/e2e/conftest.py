"""Fixtures: one local stack that all tests of a pytest worker share, and stacks for one test."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from lab.fault.command import fault as fault_command
from lab.stack.config.paths import Paths
from tests import chromium
from tests.e2e.local_stack import NO_PROVIDER, LocalStack, running_stack
from tests.service import HIGH_LIMITS

Fault = Callable[..., str]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of one file."""
    with chromium.running() as browser:
        yield browser


@pytest.fixture(scope="session")
def started_stack() -> Iterator[LocalStack]:
    """The shared stack, which runs in the background. No test reaches its rate limits."""
    # On a busy machine, Redis may need longer than the default timeout of 0.15 s. A read would then
    # bypass the cache.
    settings = {"RATE_LIMIT_SIGNUP": "654321/minute", "REDIS_TIMEOUT": "1"}
    with running_stack(**{**HIGH_LIMITS, **settings}) as stack:
        yield stack


@pytest.fixture
def stack(started_stack: LocalStack) -> LocalStack:
    """The shared stack. It is started again if a previous test has ended it."""
    if not started_stack.is_running():
        started_stack.start()
    return started_stack


@pytest.fixture
def fault(stack: LocalStack, capsys: pytest.CaptureFixture[str]) -> Iterator[Fault]:
    """A function that runs `lab fault` and returns the line that the command prints.

    After the test, all faults are healed.
    """

    def run(*words: str) -> str:
        fault_command.main(words, obj=Paths(stack.directory), standalone_mode=False)
        output = capsys.readouterr().out
        assert output.count("\n") == 1, output
        return output

    yield run
    for part in ("redis", "postgres", "worker", "slow-sql"):
        run(part, "heal")
    stack.wait_for_cache()


@pytest.fixture
def own_stack() -> Iterator[LocalStack]:
    """A stack for one test, which is not started and runs no identity provider."""
    stack = LocalStack(**NO_PROVIDER)
    yield stack
    stack.discard()


@pytest.fixture
def unlimited_stack() -> Iterator[LocalStack]:
    """A started stack for one test, with very high rate limits and no identity provider."""
    with running_stack(**NO_PROVIDER, **HIGH_LIMITS) as stack:
        yield stack

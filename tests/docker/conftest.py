"""Fixtures that build the image and start the containers as docs/docker.md describes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.compose_stack import ComposeStack


@pytest.fixture(scope="session")
def started_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeStack]:
    """A running stack that all tests share. No test reaches its rate limits."""
    stack = ComposeStack(tmp_path_factory.mktemp("shared"))
    stack.make_secrets(RATE_LIMIT_SIGNUP="654321/minute", RATE_LIMIT_DEFAULT="1000000/minute")
    try:
        stack.succeed("up", "--wait")
        yield stack
    finally:
        stack.discard()


@pytest.fixture
def stack(started_stack: ComposeStack) -> ComposeStack:
    """The shared stack. Containers that a previous test has stopped are started again."""
    started_stack.succeed("up", "--wait")
    return started_stack


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[ComposeStack]:
    """A stack for one test, not started and without secrets."""
    stack = ComposeStack(tmp_path)
    yield stack
    stack.discard()

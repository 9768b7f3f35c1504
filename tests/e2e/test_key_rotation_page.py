"""docs/key-rotation.md, executed, while somebody else goes on sending requests."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.e2e.local_stack import NO_PROVIDER, LocalStack, signup
from tests.e2e.pages import Terminal, blocks_of
from tests.e2e.repeating import repeating

# A minute is for people.
SOONER = {"--after 60": "--after 15", "sleep 60": "sleep 9"}


@pytest.fixture
def stack() -> Iterator[LocalStack]:
    """A stack that nobody has used before, whose processes do not take long to end."""
    stack = LocalStack(DRAIN_DELAY="1.2", **NO_PROVIDER)
    yield stack
    stack.discard()


@pytest.mark.slow
def test_a_rotation_by_the_book_fails_no_request(stack: LocalStack, tmp_path: Path) -> None:
    """Every command does what the page shows, and a token from before is good throughout."""
    stack.start()
    with _busy_client(stack) as statuses:
        compared = Terminal(stack, tmp_path, SOONER).follow(blocks_of("docs/key-rotation.md"))
    assert compared == 4
    assert len(statuses) > 50
    assert set(statuses) == {200}  # check 14


def _busy_client(stack: LocalStack) -> AbstractContextManager[list[int]]:
    account = signup("busy@example.com")
    assert stack.request("POST", "/api/users", body=account).status == 201
    login = {name: account[name] for name in ("email", "password")}
    token = stack.request("POST", "/api/auth/login", body=login).json()["access_token"]
    auth = {"Authorization": f"Bearer {token}"}
    return repeating(lambda: stack.request("GET", "/api/users/me", headers=auth).status, every=0.1)

"""Executes docs/key-rotation.md while a client sends requests."""

from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.accounts import signup_body
from tests.e2e.local_stack import NO_PROVIDER, LocalStack, running_stack
from tests.e2e.pages import Terminal, blocks_of
from tests.e2e.repeating import repeating

# The commands on the page wait for a minute. The test waits for a shorter time.
SHORTER_WAITS = {"--after 60": "--after 15", "sleep 60": "sleep 9"}


@pytest.mark.slow
def test_no_request_fails_during_a_key_rotation(tmp_path: Path) -> None:
    """The commands print what the page shows. A token from before the rotation stays valid."""
    # With this delay, processes end sooner after SIGTERM than by default.
    with (
        running_stack(DRAIN_DELAY="1.2", **NO_PROVIDER) as stack,
        _busy_client(stack) as statuses,
    ):
        compared = Terminal(stack, tmp_path, SHORTER_WAITS).run_and_compare(
            blocks_of("docs/key-rotation.md")
        )
    assert compared == 4
    assert len(statuses) > 50
    assert set(statuses) == {200}  # check 14


def _busy_client(stack: LocalStack) -> AbstractContextManager[list[int]]:
    account = signup_body()
    assert stack.request("POST", "/api/users", body=account).status == 201
    auth = {"Authorization": f"Bearer {stack.log_in(account['email'], account['password'])}"}
    return repeating(
        lambda: stack.request("GET", "/api/users/me", headers=auth).status, interval_seconds=0.1
    )

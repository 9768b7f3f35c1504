"""Executes docs/key-rotation.md while a client sends requests."""

from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest

from lab.bench.load.calls import Call
from lab.bench.load.traffic import traffic
from tests.accounts import signup_body
from tests.e2e.local_stack import NO_PROVIDER, LocalStack, running_stack
from tests.e2e.pages import Terminal, blocks_of

# The commands on the page wait for a minute. The test waits for a shorter time.
SHORTER_WAITS = {"--after 60": "--after 15", "sleep 60": "sleep 9"}


@pytest.mark.slow
def test_no_request_fails_during_a_key_rotation(tmp_path: Path) -> None:
    """The commands print what the page shows. A token from before the rotation stays valid."""
    # With this delay, processes end sooner after SIGTERM than by default.
    with (
        running_stack(DRAIN_DELAY="1.2", **NO_PROVIDER) as stack,
        traffic(_reads(stack), rate=10) as record,
    ):
        compared = Terminal(stack, tmp_path, SHORTER_WAITS).run_and_compare(
            blocks_of("docs/key-rotation.md")
        )
    assert compared == 4
    assert len(record.exchanges) > 50
    assert not record.failures  # check 14


def _reads(stack: LocalStack) -> Iterator[Call]:
    account = signup_body()
    assert stack.request("POST", "/api/users", body=account).status == 201
    auth = {"Authorization": f"Bearer {stack.log_in(account['email'], account['password'])}"}
    return repeat(Call(stack.http_port, "GET", "/api/users/me", 200, auth, on_new_connection=True))

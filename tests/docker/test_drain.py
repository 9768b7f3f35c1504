"""What `docker stop` does to a process that has work to finish."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.stack.waiting import wait_until
from tests.docker.compose_stack import ComposeStack
from tests.e2e.local_stack import signup

LOCKED_S = 4
# Signups wait for this lock as they would for any slow statement.
LOCK = f"BEGIN; LOCK TABLE users IN EXCLUSIVE MODE; SELECT pg_sleep({LOCKED_S}); COMMIT"
HELD = "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND relation = 'users'::regclass"
WAITING = "SELECT count(*) FROM pg_locks WHERE relation = 'users'::regclass AND NOT granted"
# A client inside the container: Caddy would send it to the other process.
REQUEST = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", 8000)
method, path, body = sys.argv[1:]
connection.request(method, path, body, {"Content-Type": "application/json"})
print(connection.getresponse().status)
"""


@pytest.fixture
def whole_stack(stack: ComposeStack) -> Iterator[ComposeStack]:
    """The shared stack, whole again afterwards."""
    yield stack
    stack.succeed("up", "--wait")


def test_sigterm_says_no_to_new_requests_and_finishes_what_has_begun(
    whole_stack: ComposeStack,
) -> None:
    """Readiness turns 503 first, a slow request is answered, and the end is a clean one."""
    stack = whole_stack

    def status(method: str, path: str, body: str = "") -> str:
        return stack.inside("app-1", "python", "-c", REQUEST, method, path, body).strip()

    account = json.dumps(signup("drained@example.com"))
    with ThreadPoolExecutor() as pool:
        lock = pool.submit(ask, stack, LOCK)
        assert wait_until(lambda: ask(stack, HELD) == "1", timeout_s=10)
        in_flight = pool.submit(status, "POST", "/api/users", account)
        assert wait_until(lambda: ask(stack, WAITING) == "1", timeout_s=10)
        began = time.monotonic()
        stop = pool.submit(stack.succeed, "stop", "app-1")
        assert wait_until(lambda: status("GET", "/readyz") == "503", timeout_s=2)
        assert not stop.done()
        assert not in_flight.done()
        assert in_flight.result() == "201"  # F15
        stop.result()
        assert time.monotonic() - began < 15
        lock.result()
    state = stack.inspect("app-1")["State"]
    # Not 137: neither was Docker's patience at its end, nor its memory.
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False)


def ask(stack: ComposeStack, statement: str) -> str:
    """Run SQL as the superuser."""
    psql = ("psql", "-U", "postgres", "roundtrip", "-Atc", statement)
    return stack.inside("postgres", *psql).strip()

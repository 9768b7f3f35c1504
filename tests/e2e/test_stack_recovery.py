"""What dies is brought back, and clients notice as little of it as can be."""

import http.client

import pytest

from lab.stack.apps import answers_ok
from lab.stack.ports import LOOPBACK
from lab.stack.waiting import wait_until
from tests.e2e.local_stack import LocalStack


@pytest.mark.parametrize(
    "part", ["app-1", "valkey", "limits", "postgres", "provider", "collector", "caddy"]
)
def test_a_killed_part_comes_back(stack: LocalStack, part: str) -> None:
    """A new process takes its place, and the stack is ready as before."""
    killed = stack.kill(part)

    def is_back() -> bool:
        identity = stack.identities().get(part)
        return identity is not None and identity != killed and identity.process() is not None

    assert wait_until(is_back, timeout_s=20)
    assert wait_until(lambda: stack.request("GET", "/readyz").status == 200, timeout_s=20)
    assert (
        "was killed (SIGKILL): starting it again."
        in (stack.directory / "logs" / "stack.log").read_text()
    )


def is_ready(stack: LocalStack, app: str) -> bool:
    """Whether a process takes requests."""
    port = int((stack.directory / app / "port").read_text())
    return answers_ok(http.client.HTTPConnection(LOOPBACK, port, timeout=1))


def test_clients_do_not_notice_that_one_of_two_app_processes_is_gone(stack: LocalStack) -> None:
    """A connection that cannot be made is made to the other process instead."""
    # The test before may have killed that one, which then is not there yet.
    assert wait_until(lambda: is_ready(stack, "app-1"), timeout_s=20)
    stack.kill("app-2")
    assert [stack.request("GET", "/livez").status for _ in range(50)] == [200] * 50


def test_clients_do_not_notice_that_the_collector_is_gone(stack: LocalStack) -> None:
    """Spans are lost, requests are not; a page that asks waits until it is back."""
    stack.kill("collector")
    assert [stack.request("GET", "/livez").status for _ in range(50)] == [200] * 50
    assert wait_until(lambda: stack.request("GET", "/lab").status == 200, timeout_s=20)

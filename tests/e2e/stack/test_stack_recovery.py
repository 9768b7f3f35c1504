"""The stack replaces a killed part, with as little effect on clients as possible."""

import pytest

from lab.stack.processes.waiting import wait_until
from tests.e2e.local_stack import LocalStack, wait_until_replaced


@pytest.mark.parametrize(
    "part", ["app-1", "worker", "valkey", "limits", "postgres", "provider", "collector", "caddy"]
)
def test_a_killed_part_is_started_again(stack: LocalStack, part: str) -> None:
    """A new process replaces the killed process, and the stack is ready again."""
    (server,) = (it for it in stack.parts.servers if it.directory.name == part)
    killed = stack.kill(part)

    # Later tests need a ready collector, because spans that arrive before that are lost.
    wait_until_replaced(server, killed)
    assert wait_until(lambda: stack.request("GET", "/readyz").status == 200, timeout_s=20)
    assert (
        "was killed (SIGKILL): starting it again."
        in (stack.directory / "logs" / "stack.log").read_text()
    )


def test_no_request_fails_when_one_of_two_app_processes_is_killed(stack: LocalStack) -> None:
    """If the load balancer cannot connect to one process, it uses the other one."""
    # A previous test may have killed app-1, and its new process may still be starting.
    assert wait_until(stack.parts.apps[0].ready, timeout_s=20)
    stack.kill("app-2")
    assert [stack.request("GET", "/livez").status for _ in range(50)] == [200] * 50


def test_no_request_fails_when_the_collector_is_killed(stack: LocalStack) -> None:
    """Spans are lost, but requests are not. The lab's page works again after the restart."""
    stack.kill("collector")
    assert [stack.request("GET", "/livez").status for _ in range(50)] == [200] * 50
    assert wait_until(lambda: stack.request("GET", "/lab").status == 200, timeout_s=20)

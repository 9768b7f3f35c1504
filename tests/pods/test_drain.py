"""An app pod completes its requests before it ends. A worker ends within its grace period."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.accounts import signup_body
from tests.pods.pod_stack import PodStack
from tests.table_lock import await_waiting_statement, locked_table

CLIENT = Path(__file__).with_name("client.py").read_text()
# The errors of a client whose request the app has not begun to read.
CONNECTION_ERRORS = {"ConnectionRefusedError", "ConnectionResetError", "RemoteDisconnected"}


def send(stack: PodStack, method: str, path: str, body: str = "") -> list[str]:
    """Send requests from the worker's pod to the app's pod, as another pod of a cluster would.

    Behind the published port, there may be a proxy of podman. The proxy would accept connections
    even after the app has closed its socket.
    """
    address = ("app", str(stack.app_container_port))
    return stack.inside("worker", "python", "-c", CLIENT, *address, method, path, body).split()


def test_an_ending_app_pod_completes_its_requests(stack: PodStack) -> None:
    """New requests succeed until the socket closes, and a request that runs then is completed.

    podman runs no `preStop`. The container gets the rest of the grace period.
    """
    pause_seconds = stack.container_spec("app")["lifecycle"]["preStop"]["sleep"]["seconds"]
    rest_seconds = stack.spec("app")["terminationGracePeriodSeconds"] - pause_seconds
    account = json.dumps(signup_body())
    with ThreadPoolExecutor() as pool:
        new = pool.submit(send, stack, "GET", "/api/products")
        with locked_table("users", stack.run_sql):
            slow = pool.submit(send, stack, "POST", "/api/users", account)
            await_waiting_statement("users", stack.run_sql)
            assert not new.done()
            stop = pool.submit(stack.stop_container, "app", "--time", str(rest_seconds))
            *served, error = new.result()
            assert not slow.done()
        stop.result()
    assert set(served) == {"200"}
    assert error in CONNECTION_ERRORS
    assert slow.result() == ["201"]  # check F15
    state = stack.inspect("app")["State"]
    # 137 would mean that SIGKILL ended the process: after the grace period, or for lack of memory.
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False)


def test_a_worker_ends_within_its_grace_period(stack: PodStack) -> None:
    """SIGTERM ends the worker with status 0, so SIGKILL is not needed."""
    # Process 1 of a container ignores SIGTERM until the worker has set a handler for the signal.
    stack.await_worker()
    stack.stop_container("worker")
    assert stack.inspect("worker")["State"]["ExitCode"] == 0

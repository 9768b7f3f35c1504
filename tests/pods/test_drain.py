"""The end of a pod: no request fails before the socket closes, and the exit status is 0."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lab.stack.processes.waiting import wait_until
from tests.e2e.local_stack import signup
from tests.pods.pod_stack import PodStack

LOCK_SECONDS = 4
# A signup waits for this lock, so that it is slow.
LOCK = f"BEGIN; LOCK TABLE users IN EXCLUSIVE MODE; SELECT pg_sleep({LOCK_SECONDS}); COMMIT"
LOCK_COUNT = (
    "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND relation = 'users'::regclass"
)
WAITING_COUNT = "SELECT count(*) FROM pg_locks WHERE relation = 'users'::regclass AND NOT granted"
CLIENT = Path(__file__).with_name("client.py").read_text()
# What a client sees when the socket is closed, or is closed while its connection waits.
CLOSED = {"ConnectionRefusedError", "ConnectionResetError", "RemoteDisconnected"}


def send(stack: PodStack, method: str, path: str, body: str = "") -> list[Any]:
    """Send requests from the worker's pod to the app's pod, as another pod of a cluster would.

    Through the published port, the requests could meet a proxy of podman, which accepts connections
    after the app has closed its socket.
    """
    (port,) = stack.container_spec("app")["ports"]
    arguments = ("app", str(port["containerPort"]), method, path, body)
    output = stack.inside("worker", "python", "-", *arguments, stdin=CLIENT)
    return [json.loads(line) for line in output.splitlines()]


def test_a_pod_ends_without_a_failed_request(stack: PodStack) -> None:
    """New requests succeed until SIGTERM, and a request that runs at SIGTERM is completed.

    podman runs no `preStop`. So this test waits in its place, as the kubelet does, and then stops
    the container with the rest of the grace period.
    """
    pause_seconds = stack.container_spec("app")["lifecycle"]["preStop"]["sleep"]["seconds"]
    rest_seconds = stack.spec("app")["terminationGracePeriodSeconds"] - pause_seconds
    account = json.dumps(signup("drained@example.com"))
    with ThreadPoolExecutor() as pool:
        new = pool.submit(send, stack, "GET", "/api/products")
        time.sleep(pause_seconds)
        lock = pool.submit(stack.run_sql, LOCK)
        assert wait_until(lambda: stack.run_sql(LOCK_COUNT) == "1", timeout_s=10)
        slow = pool.submit(send, stack, "POST", "/api/users", account)
        assert wait_until(lambda: stack.run_sql(WAITING_COUNT) == "1", timeout_s=10)
        stop_began = time.time()
        stack.stop("app", "--time", str(rest_seconds))
        stop_seconds = time.time() - stop_began
        lock.result()
    *served, (closed, _, error) = new.result()
    ((_, completed, status),) = slow.result()
    print(
        f"{len(served)} new requests succeeded. The stop took {stop_seconds:.1f} s: the socket was"
        f" closed after {closed - stop_began:.1f} s, and the running request was completed after"
        f" {completed - stop_began:.1f} s."
    )
    assert {outcome for _, _, outcome in served} == {200}
    assert error in CLOSED
    assert stop_began < closed < completed
    assert status == 201  # check F15
    assert stop_seconds < rest_seconds
    state = stack.inspect("app")["State"]
    # 137 would mean that SIGKILL ended the process: after the grace period, or for lack of memory.
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False)


def test_a_worker_ends_within_its_grace_period(stack: PodStack) -> None:
    """SIGTERM ends the worker with status 0, so SIGKILL is not needed."""
    grace_seconds = stack.spec("worker")["terminationGracePeriodSeconds"]
    assert stack.inspect("worker")["Config"]["StopTimeout"] == grace_seconds
    stack.stop("worker")
    assert stack.inspect("worker")["State"]["ExitCode"] == 0

"""`docker stop` of a process that still has requests to finish."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

from lab.stack.processes.waiting import wait_until
from tests.accounts import signup_body
from tests.docker.compose_stack import ComposeStack
from tests.table_lock import await_waiting_statement, locked_table

# The client runs inside the container, because Caddy would use the other process.
REQUEST = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", 8000)
method, path, body = sys.argv[1:]
connection.request(method, path, body, {"Content-Type": "application/json"})
print(connection.getresponse().status)
"""


def test_sigterm_makes_a_process_unready_and_finishes_requests_in_progress(
    stack: ComposeStack,
) -> None:
    """After SIGTERM, /readyz returns 503, the slow request gets 201, and the exit status is 0."""

    def status(method: str, path: str, body: str = "") -> str:
        return stack.inside("app-1", "python", "-c", REQUEST, method, path, body).strip()

    account = json.dumps(signup_body())
    with ThreadPoolExecutor() as pool, locked_table("users", stack.run_sql):
        in_flight = pool.submit(status, "POST", "/api/users", account)
        await_waiting_statement("users", stack.run_sql)
        began = time.monotonic()
        stop = pool.submit(stack.succeed, "stop", "app-1")
        assert wait_until(lambda: status("GET", "/readyz") == "503", timeout_s=2)
        assert not stop.done()
        assert not in_flight.done()
    assert in_flight.result() == "201"  # F15
    stop.result()
    assert time.monotonic() - began < 15
    state = stack.inspect("app-1")["State"]
    # 137 would mean that SIGKILL ended the process: after the grace period, or for lack of memory.
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False)

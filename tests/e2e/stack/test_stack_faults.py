"""`lab fault` breaks a part until `heal` repairs it, and then the stack works as before."""

import time

import psycopg
import pytest

from lab.http_client import Response
from lab.stack.config.paths import Paths
from lab.stack.processes.waiting import wait_until
from lab.stack.servers.apps import CADDY_NOTICES_AFTER_SECONDS
from lab.stack.status.command import show as print_status
from tests.accounts import new_email, signup_body
from tests.e2e.conftest import Fault
from tests.e2e.local_stack import LocalStack, wait_until_replaced
from tests.e2e.mailing import messages


def readiness(stack: LocalStack) -> Response:
    """Return the response of `/readyz`."""
    return stack.request("GET", "/readyz")


def timed_post(stack: LocalStack, path: str, body: dict[str, str]) -> tuple[int, float]:
    """Send a POST request. Return the status and the duration in seconds."""
    began = time.monotonic()
    return stack.request("POST", path, body=body).status, time.monotonic() - began


def sign_up(stack: LocalStack) -> int:
    """Sign a new user up, and return the status."""
    return stack.request("POST", "/api/users", body=signup_body()).status


@pytest.mark.parametrize("action", ["stop", pytest.param("freeze", marks=pytest.mark.slow)])
def test_redis_is_down_until_it_is_healed(stack: LocalStack, fault: Fault, action: str) -> None:
    """Without Redis, the service works and /readyz says `down`. Repeated commands are no error."""
    assert "Heal it:  .venv/bin/lab fault redis heal" in fault("redis", action)
    assert wait_until(lambda: readiness(stack).json()["redis"] == "down", timeout_s=10)
    assert "Heal it" in fault("redis", action)
    assert stack.request("GET", "/api/products").status == 200
    assert readiness(stack).json()["redis"] == "down"
    assert "answers again" in fault("redis", "heal")
    assert wait_until(lambda: readiness(stack).json()["redis"] == "up", timeout_s=10)
    assert "nothing to heal" in fault("redis", "heal")


@pytest.mark.parametrize(("part", "name"), [("postgres", "PostgreSQL"), ("redis", "Valkey")])
def test_status_reports_a_frozen_server_within_two_seconds(
    stack: LocalStack, fault: Fault, capsys: pytest.CaptureFixture[str], part: str, name: str
) -> None:
    """The status is `frozen`, although the process exists and PostgreSQL's file says `ready`."""
    fault(part, "freeze")
    began = time.monotonic()
    assert print_status(Paths(stack.directory)) == 1
    assert time.monotonic() - began < 2
    output = capsys.readouterr().out
    assert health_of(name, output) == "frozen"
    assert f"{name} is frozen. Continue it:  .venv/bin/lab fault {part} heal\n" in output
    fault(part, "heal")
    print_status(Paths(stack.directory))
    assert health_of(name, capsys.readouterr().out) == "ready"


def health_of(name: str, table: str) -> str:
    """Return the health of a part in the output of `lab status`."""
    (line,) = (line for line in table.splitlines() if line.startswith(f"{name} "))
    return line.rpartition("   ")[2]


@pytest.mark.parametrize("action", ["stop", pytest.param("freeze", marks=pytest.mark.slow)])
def test_postgres_is_down_until_it_is_healed(stack: LocalStack, fault: Fault, action: str) -> None:
    """A signup gets 503 until PostgreSQL is healed. After that, a signup succeeds."""
    assert "Heal it:  .venv/bin/lab fault postgres heal" in fault("postgres", action)
    assert sign_up(stack) == 503
    assert "answers again" in fault("postgres", "heal")
    assert wait_until(lambda: sign_up(stack) == 201, timeout_s=10)


@pytest.mark.slow
def test_every_statement_is_slow_until_slow_sql_is_healed(stack: LocalStack, fault: Fault) -> None:
    """Each statement that uses tables waits once. A second fault replaces the first delay."""
    fault("slow-sql", "10s")
    assert "200 ms longer" in fault("slow-sql", "200ms")
    account = signup_body()
    status, took = timed_post(stack, "/api/users", account)
    assert (status, 0.2 <= took < 5) == (201, True), took
    # A login runs several statements, so it waits at least twice.
    login = {"email": account["email"], "password": account["password"]}
    status, took = timed_post(stack, "/api/auth/login", login)
    assert (status, 0.4 <= took < 5) == (200, True), took
    assert "no longer delayed" in fault("slow-sql", "heal")
    with psycopg.connect(stack.parts.libpq_url) as connection:
        leftovers = "SELECT (SELECT count(*) FROM pg_policies), to_regnamespace('lab_fault')"
        assert connection.execute(leftovers).fetchone() == (0, None)
    assert "nothing to heal" in fault("slow-sql", "heal")


@pytest.mark.slow
def test_a_killed_app_process_is_replaced_without_failed_requests(
    stack: LocalStack, fault: Fault
) -> None:
    """The process needs no `heal`. Without the name of a process, the command kills app-1."""
    assert (
        "There is no app-3. The app processes are app-1, app-2."
        in stack.run("fault", "app", "kill", "app-3").stdout
    )
    for words, name in ((["app", "kill"], "app-1"), (["app", "kill", "app-2"], "app-2")):
        before = stack.identities()[name]
        assert f"{name} (process {before.pid})" in fault(*words)
        assert [stack.request("GET", "/livez").status for _ in range(10)] == [200] * 10
        app = next(app for app in stack.parts.apps if app.name == name)
        wait_until_replaced(app, before)
        # The other process must not be killed before the load balancer uses the new process.
        time.sleep(CADDY_NOTICES_AFTER_SECONDS)


@pytest.mark.parametrize("action", ["stop", pytest.param("freeze", marks=pytest.mark.slow)])
def test_a_message_waits_until_the_worker_is_healed(
    stack: LocalStack, fault: Fault, action: str
) -> None:
    """The service works without its worker. Meanwhile, the job waits in PostgreSQL."""
    assert "jobs wait. Heal it:  .venv/bin/lab fault worker heal" in fault("worker", action)
    email = new_email()
    assert stack.request("POST", "/api/users", body=signup_body(email=email)).status == 201
    time.sleep(1)
    assert messages(stack, email) == []
    assert "worker runs again" in fault("worker", "heal")
    assert wait_until(lambda: len(messages(stack, email)) == 1, timeout_s=30)
    assert "nothing to heal" in fault("worker", "heal")


def test_a_killed_worker_is_replaced(stack: LocalStack, fault: Fault) -> None:
    """The stack starts a new worker, and no `heal` is needed."""
    before = stack.identities()["worker"]
    assert f"worker (process {before.pid})" in fault("worker", "kill")
    (worker,) = stack.parts.workers
    wait_until_replaced(worker, before)
    email = new_email()
    assert stack.request("POST", "/api/users", body=signup_body(email=email)).status == 201
    assert wait_until(lambda: len(messages(stack, email)) == 1, timeout_s=30)


@pytest.mark.slow
def test_a_restart_of_the_stack_heals_all_faults(stack: LocalStack, fault: Fault) -> None:
    """The stack has four faults. `stop` does not wait for a server that is frozen."""
    fault("slow-sql", "300ms")
    fault("worker", "freeze")
    fault("redis", "stop")
    fault("postgres", "freeze")
    began = time.monotonic()
    stack.succeed("stop")
    assert time.monotonic() - began < 12
    stack.start()
    assert readiness(stack).json() == {"status": "ready", "postgres": "up", "redis": "up"}
    assert "nothing to heal" in fault("slow-sql", "heal")
    assert "nothing to heal" in fault("redis", "heal")


@pytest.mark.slow
def test_start_replaces_frozen_servers_of_a_killed_stack(stack: LocalStack, fault: Fault) -> None:
    """If the supervisor is killed, the servers stay frozen. The next start replaces them."""
    fault("postgres", "freeze")
    fault("redis", "freeze")
    stack.kill("supervisor")
    stack.start()
    assert readiness(stack).json() == {"status": "ready", "postgres": "up", "redis": "up"}

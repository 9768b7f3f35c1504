"""`make start`, `make status` and `make stop`."""

import re
import socket
import time
from pathlib import Path

import pytest

from lab.stack.config.paths import Paths
from lab.stack.config.ports import RecordedPort
from lab.stack.processes.waiting import wait_until
from lab.stack.state import State
from tests.accounts import signup_body
from tests.e2e.local_stack import LocalStack

# The longest time that the load balancer waits for requests to end (deploy/Caddyfile).
GRACE_PERIOD_SECONDS = 15


def test_status_lists_every_part_as_ready(stack: LocalStack) -> None:
    """`lab status` lists the servers, the app processes and the worker. All nine become ready."""
    assert wait_until(lambda: stack.run("status").stdout.count(" ready") == 9, timeout_s=20)
    parts = [line.split()[0] for line in stack.succeed("status").splitlines()[1:]]
    own = ["app-1", "app-2", "worker"]
    assert parts == ["PostgreSQL", "Valkey", "limits", "collector", "provider", *own, "Caddy"]


def test_only_status_with_secrets_shows_passwords(stack: LocalStack) -> None:
    """Neither `status` nor the log, which has all output of `make start`, contains a secret."""
    names = ("password", "service-password", "migrator-password", "client-secret")
    secrets = [path.read_text() for name in names for path in stack.directory.glob(f"*/{name}")]
    assert len(secrets) == 6
    shown = stack.run("status").stdout + (stack.directory / "logs" / "stack.log").read_text()
    assert "make status ARGS=--secrets" in shown
    assert [secret for secret in secrets if secret in shown] == []
    with_secrets = stack.run("status", "--secrets").stdout
    for part in ("postgres/service-password", "valkey/password", "limits/password"):
        assert (stack.directory / part).read_text() in with_secrets


def test_a_setting_in_the_environment_reaches_the_service(stack: LocalStack) -> None:
    """The service announces the caller's RATE_LIMIT_SIGNUP in RateLimit-Policy."""
    response = stack.request("POST", "/api/users", body=signup_body())
    assert "q=654321" in response.headers["RateLimit-Policy"]


@pytest.mark.parametrize(
    ("settings", "status", "advice"),
    [
        ({}, 0, "make stop && NAME=value make start"),
        # The start must fail. Otherwise, the caller would use port 9, on which nothing listens.
        ({"HTTP_PORT": "9"}, 1, "other ports"),
    ],
)
def test_a_second_start_changes_nothing(
    stack: LocalStack, settings: dict[str, str], status: int, advice: str
) -> None:
    """The command says that the stack runs, and what to do. With another port, it fails."""
    before = stack.identities()
    result = stack.run("start", **settings)
    assert result.returncode == status
    assert f"runs already: http://localhost:{stack.http_port}" in result.stdout
    assert advice in result.stdout
    assert stack.identities() == before


def test_a_foreground_stack_is_refused_beside_a_background_one(stack: LocalStack) -> None:
    """`up` in the same directory fails, and names `make stop`."""
    result = stack.run("up")
    assert result.returncode == 1
    assert "make stop" in result.stdout


@pytest.mark.slow
def test_after_stop_no_process_is_left_and_start_restores_data_and_addresses(
    stack: LocalStack, tmp_path: Path
) -> None:
    """When `stop` returns, all processes have ended. A second `stop` succeeds.

    After the next `start`, the stack has the same user, ports and certificate authority. No other
    stack can choose a port of this stack.
    """
    account, authority = signup_body(), (stack.directory / "ca.crt").read_bytes()
    assert stack.request("POST", "/api/users", body=account).status == 201
    identities = stack.identities()
    # If `stop` did not end this event stream, the load balancer would wait for it.
    with stack.event_stream() as page:
        began = time.monotonic()
        stack.succeed("stop")
        assert time.monotonic() - began < GRACE_PERIOD_SECONDS
        assert page.read().startswith(b"retry: ")
    assert [name for name, identity in identities.items() if identity.process()] == []
    assert stack.run("status").returncode == 3
    stack.succeed("stop")
    stack.start()
    assert stack.request("POST", "/api/users", body=account, https=True).status == 409
    assert (stack.directory / "ca.crt").read_bytes() == authority
    records = list(stack.directory.glob("*/port"))
    assert "app-1-next" in {record.parent.name for record in records}
    for record in records:
        copy = tmp_path / record.parent.name
        copy.write_text(record.read_text())
        assert str(RecordedPort(copy).choose()) != record.read_text(), record


@pytest.mark.slow
def test_a_stack_starts_although_the_command_that_started_it_was_killed(
    own_stack: LocalStack,
) -> None:
    """The supervisor continues, although it can no longer report to `lab start`."""
    starting = own_stack.spawn("start")
    assert wait_until((own_stack.directory / "stack.json").exists, timeout_s=20)
    starting.kill()
    starting.communicate(timeout=10)

    def is_ready() -> bool:
        state = State.load(Paths(own_stack.directory))
        return state is not None and state.ready

    assert wait_until(is_ready, timeout_s=60)
    # The supervisor has written its last report by now.
    time.sleep(1)
    assert own_stack.request("GET", "/readyz").status == 200


@pytest.mark.slow
def test_start_succeeds_after_the_supervisor_was_killed(stack: LocalStack) -> None:
    """SIGKILL leaves servers without a supervisor. One of two concurrent starts replaces them."""
    orphans = stack.identities()
    stack.kill("supervisor")
    status = stack.run("status")
    assert status.returncode == 3
    for part in ("PostgreSQL", "Valkey", "app-1", "worker", "Caddy", "collector", "provider"):
        assert re.search(
            rf"problem  The stack was killed, and these processes still run: .*{part} \(process",
            status.stdout,
        )
    assert status.stdout.endswith("End these processes:  make stop\n")
    starts = [stack.spawn("start"), stack.spawn("start")]
    outputs = [start.communicate(timeout=120)[0] for start in starts]
    assert [start.returncode for start in starts] == [0, 0], outputs
    assert "left over" in "".join(outputs)
    assert "runs already" in "".join(outputs)
    assert [name for name, identity in orphans.items() if identity.process()] == []
    assert stack.request("GET", "/readyz").status == 200


@pytest.mark.parametrize("variable", ["HTTP_PORT", "HTTPS_PORT"])
def test_a_taken_port_is_named_with_its_variable(own_stack: LocalStack, variable: str) -> None:
    """`start` starts no server, and suggests a command with another port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = own_stack.run("start", **{variable: str(port)})
    assert result.returncode == 1
    assert f"Port {port} is taken" in result.stdout
    assert f"{variable}={port + 1} make start" in result.stdout
    assert not (own_stack.directory / "postgres").exists()


@pytest.mark.slow
def test_a_failed_start_shows_its_cause_once(own_stack: LocalStack) -> None:
    """Two processes fail, but the cause is printed once. Lines of earlier starts are left out."""
    own_stack.start()
    own_stack.succeed("stop")
    failed = own_stack.run("start", LOG_LEVEL="loud")
    assert failed.returncode == 1
    assert failed.stdout.count("LOG_LEVEL Input should be") == 1
    assert failed.stdout.count("Starting the stack") == 1
    assert "Stopping" not in failed.stdout

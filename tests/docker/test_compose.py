"""docker-compose.yml: networks, permissions, and recovery from failures."""

import json
import re
import subprocess

import httpx2
import pytest

from lab.stack.processes.waiting import wait_until
from tests.accounts import new_email, signup_body
from tests.docker.compose_stack import ComposeStack

# Another container sends SIGKILL. After `docker kill`, Docker would not restart the container.
KILL = "import os, sys; os.kill(int(sys.argv[1]), 9)"


def test_a_second_up_changes_nothing(stack: ComposeStack) -> None:
    """No container is restarted."""
    servers = ("caddy", "app-1", "app-2", "worker", "mail", "postgres", "redis", "limits")
    before = {name: stack.inspect(name)["State"]["StartedAt"] for name in servers}
    stack.succeed("up", "--wait")
    assert {name: stack.inspect(name)["State"]["StartedAt"] for name in servers} == before


def test_down_keeps_the_data_and_down_volumes_deletes_them(own_stack: ComposeStack) -> None:
    """Accounts and the certificate authority stay until `docker compose down --volumes`."""
    own_stack.make_secrets()
    authority = ("cat", "/data/caddy/pki/authorities/local/root.crt")
    own_stack.succeed("up", "--wait")
    account = signup_body()
    assert own_stack.client.post("/api/users", json=account).status_code == 201
    certificate = own_stack.inside("caddy", *authority)
    own_stack.succeed("down")
    remaining = own_stack.resources()
    state = (remaining["container"], remaining["network"], len(remaining["volume"]))
    assert state == ([], [], 2)
    own_stack.succeed("up", "--wait")
    assert own_stack.client.post("/api/users", json=account).status_code == 409
    assert own_stack.inside("caddy", *authority) == certificate
    own_stack.succeed("down", "--volumes")
    assert not any(own_stack.resources().values())


def test_the_databases_are_isolated_from_caddy_and_the_internet(stack: ComposeStack) -> None:
    """The databases are on an internal network without Caddy, and publish no port."""
    for service in ("postgres", "redis", "limits"):
        assert stack.compose("exec", "--no-TTY", "caddy", "wget", f"http://{service}/").returncode
        networks = stack.inspect(service)["NetworkSettings"]
        assert not any(networks["Ports"].values())
        (name,) = networks["Networks"]
        assert json.loads(stack.docker("network", "inspect", name))[0]["Internal"]
    assert "front" in "".join(stack.inspect("caddy")["NetworkSettings"]["Networks"])
    assert "back" not in "".join(stack.inspect("caddy")["NetworkSettings"]["Networks"])


def test_a_signup_sends_a_message_to_the_mailbox(stack: ComposeStack) -> None:
    """The link in the message leads to the stack's own page, and confirms the address."""
    email = new_email()
    assert stack.client.post("/api/users", json=signup_body(email=email)).status_code == 201
    assert wait_until(lambda: len(stack.messages_to(email)) == 1, timeout_s=30)
    (text,) = stack.messages_to(email)
    link = re.search(r"\S+/account/confirm#(\S+)", text)
    assert link
    assert link[0].startswith(f"https://localhost:{stack.https_port}/account/confirm#")
    response = stack.client.put("/api/auth/email-confirmation", json={"token": link[1]})
    assert response.status_code == 204


def test_messages_wait_for_the_smtp_server_and_for_the_worker(stack: ComposeStack) -> None:
    """A signup succeeds while both are stopped. Its message is sent after both run again."""
    stack.succeed("stop", "mail", "worker")
    # The status is 0, so SIGTERM has ended the worker, and SIGKILL was not needed.
    assert stack.inspect("worker")["State"]["ExitCode"] == 0
    email = new_email()
    assert stack.client.post("/api/users", json=signup_body(email=email)).status_code == 201
    stack.succeed("start", "worker")
    assert wait_until(lambda: "job_failed" in stack.succeed("logs", "worker"), timeout_s=30)
    stack.succeed("start", "mail")
    assert wait_until(lambda: _has_message(stack, email), timeout_s=60)


def _has_message(stack: ComposeStack, email: str) -> bool:
    try:
        return bool(stack.messages_to(email))
    except (httpx2.HTTPError, ValueError):
        return False


def test_the_lab_is_not_available_in_production(stack: ComposeStack) -> None:
    """The service responds to the lab's paths with 404, and without Server-Timing."""
    for path in ("/lab", "/lab/api/traces"):
        response = stack.client.get(path)
        assert (response.status_code, response.json()["code"]) == (404, "not-found")
        assert "Server-Timing" not in response.headers


def test_the_roles_of_postgres_have_no_more_rights_than_they_need(stack: ComposeStack) -> None:
    """The superuser has no password. The role of the service owns no table."""
    query = (
        "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolpassword IS NULL"
        " FROM pg_authid WHERE rolcanlogin ORDER BY rolname"
    )
    roles = stack.inside("postgres", "psql", "-U", "postgres", "-Atc", query)
    assert roles.split() == ["migrator|f|f|f|f", "postgres|t|t|t|t", "roundtrip|f|f|f|f"]
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    psql = ("psql", "-U", "postgres", "-d", "roundtrip", "-Atc")
    assert stack.inside("postgres", *psql, owners).split() == ["migrator"]
    assert "MIGRATOR_PASSWORD=\n" in stack.inside("app-1", "env") + "\n"


def test_the_service_trusts_forwarded_headers_only_from_caddy(stack: ComposeStack) -> None:
    """The service ignores headers from other containers. Caddy replaces those of a client."""
    script = (
        "import http.client as h; c = h.HTTPConnection('app-1', 8000);"
        "c.request('GET', '/livez', headers={'X-Forwarded-Proto': 'https'});"
        "print('Strict-Transport-Security' in c.getresponse().headers)"
    )
    assert stack.inside("app-2", "python", "-c", script) == "False\n"
    with httpx2.Client(verify=False) as client:
        response = client.get(f"https://localhost:{stack.https_port}/livez")
    assert "Strict-Transport-Security" in response.headers

    def remaining(claimed: str) -> int:
        headers, body = {"X-Forwarded-For": claimed}, signup_body(email="no address")
        response = stack.client.post("/api/users", json=body, headers=headers)
        match = re.search(r"\br=(\d+)", response.headers["RateLimit"])
        assert match
        return int(match[1])

    assert remaining("192.0.2.1") - remaining("192.0.2.2") == 1  # check 30


def test_a_killed_process_is_restarted_without_failed_requests(stack: ComposeStack) -> None:
    """Docker restarts the process. Until then, Caddy sends all requests to the other process."""
    before = stack.inspect("app-1")["State"]
    stack.docker(
        *("run", "--rm", "--pid=host", "--user=0", "--network=none", stack.image),
        *("python", "-c", KILL, str(before["Pid"])),
    )
    statuses = {stack.client.get("/api/products").status_code for _ in range(100)}
    assert statuses == {200}
    assert wait_until(
        lambda: (
            stack.inspect("app-1")["State"].get("Health", {}).get("Status") == "healthy"
            and stack.inspect("app-1")["State"]["StartedAt"] != before["StartedAt"]
        ),
        timeout_s=30,
    )


def test_the_service_recovers_after_a_failure_of_postgres(stack: ComposeStack) -> None:
    """Without PostgreSQL, the service sends 503 with Retry-After, and stays alive.

    It is ready within 5 s after PostgreSQL is healthy again.
    """
    stack.succeed("kill", "postgres")
    response = stack.client.get("/api/products?limit=7")
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert stack.client.get("/livez").status_code == 200
    assert stack.inspect("app-1")["State"]["Health"]["Status"] == "healthy"
    stack.succeed("start", "postgres")
    assert wait_until(
        lambda: stack.inspect("postgres")["State"]["Health"]["Status"] == "healthy", timeout_s=30
    )
    assert wait_until(stack.ready, timeout_s=5)  # F1


@pytest.mark.parametrize("service", ["redis", "limits"])
def test_the_service_works_without_redis(stack: ComposeStack, service: str) -> None:
    """`/readyz` says that Redis is down, and reads succeed."""
    stack.succeed("kill", service)
    response = stack.client.get("/readyz")
    assert (response.status_code, response.json()["redis"]) == (200, "down")
    assert stack.client.get("/api/products").status_code == 200
    stack.succeed("up", "--wait")
    assert wait_until(stack.ready, timeout_s=10)


def test_no_command_line_contains_a_password(stack: ComposeStack) -> None:
    """Every user of the machine can read command lines."""
    env = (stack.directory / ".env").read_text()
    values = [line.partition("=")[2] for line in env.splitlines() if "PASSWORD" in line]
    commands = subprocess.run(
        ["ps", "-eo", "args"], capture_output=True, text=True, check=True
    ).stdout
    assert not any(value in commands for value in values)

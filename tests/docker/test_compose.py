"""docker-compose.yml: who reaches whom, and what survives what."""

import json
import re
import subprocess

import httpx2
import pytest

from lab.stack.waiting import wait_until
from tests.docker.compose_stack import ComposeStack
from tests.e2e.local_stack import signup

# Docker's own way to a process that no restart policy takes for an order: from outside.
KILL = "import os, sys; os.kill(int(sys.argv[1]), 9)"


def test_up_once_more_changes_nothing(stack: ComposeStack) -> None:
    """Every server stays the container that it was."""
    servers = ("caddy", "app-1", "app-2", "postgres", "redis", "limits")
    before = {name: stack.inspect(name)["State"]["StartedAt"] for name in servers}
    stack.succeed("up", "--wait")
    assert {name: stack.inspect(name)["State"]["StartedAt"] for name in servers} == before


def test_down_keeps_the_data_and_only_volumes_deletes_them(own_stack: ComposeStack) -> None:
    """The account is there again, behind the same authority; at the end, nothing is left."""
    own_stack.make_secrets()
    authority = ("cat", "/data/caddy/pki/authorities/local/root.crt")
    own_stack.succeed("up", "--wait")
    account = signup("ahmed@example.com")
    assert own_stack.client.post("/api/users", json=account).status_code == 201
    issued = own_stack.inside("caddy", *authority)
    own_stack.succeed("down")
    left = own_stack.left_behind()
    assert (left["container"], left["network"], len(left["volume"])) == ([], [], 2)
    own_stack.succeed("up", "--wait")
    assert own_stack.client.post("/api/users", json=account).status_code == 409
    assert own_stack.inside("caddy", *authority) == issued
    own_stack.succeed("down", "--volumes")
    assert not any(own_stack.left_behind().values())


def test_caddy_reaches_no_database_and_no_database_reaches_out(stack: ComposeStack) -> None:
    """Their names mean nothing on its network, and no port of theirs is published."""
    for service in ("postgres", "redis", "limits"):
        assert stack.compose("exec", "--no-TTY", "caddy", "wget", f"http://{service}/").returncode
        networks = stack.inspect(service)["NetworkSettings"]
        assert not any(networks["Ports"].values())
        (name,) = networks["Networks"]
        assert json.loads(stack.docker("network", "inspect", name))[0]["Internal"]
    assert "front" in "".join(stack.inspect("caddy")["NetworkSettings"]["Networks"])
    assert "back" not in "".join(stack.inspect("caddy")["NetworkSettings"]["Networks"])


def test_the_lab_has_no_place_in_production(stack: ComposeStack) -> None:
    """Its page is the service's own 404, and nobody is told how long a stage took."""
    for path in ("/lab", "/lab/api/traces"):
        response = stack.client.get(path)
        assert (response.status_code, response.json()["code"]) == (404, "not-found")
        assert "Server-Timing" not in response.headers


def test_the_service_does_not_own_its_database_server(stack: ComposeStack) -> None:
    """Its role is no superuser, and the superuser has no password to be guessed."""
    question = (
        "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolpassword IS NULL"
        " FROM pg_authid WHERE rolcanlogin ORDER BY rolname"
    )
    answer = stack.inside("postgres", "psql", "-U", "postgres", "-Atc", question)
    assert answer.split() == ["postgres|t|t|t|t", "roundtrip|f|f|f|f"]


def test_caddy_alone_is_believed_about_where_a_request_comes_from(stack: ComposeStack) -> None:
    """A neighbour that claims HTTPS is not; what a client claims does not get through Caddy."""
    claim = (
        "import http.client as h; c = h.HTTPConnection('app-1', 8000);"
        "c.request('GET', '/livez', headers={'X-Forwarded-Proto': 'https'});"
        "print('Strict-Transport-Security' in c.getresponse().headers)"
    )
    assert stack.inside("app-2", "python", "-c", claim) == "False\n"
    with httpx2.Client(verify=False) as client:
        answer = client.get(f"https://localhost:{stack.https_port}/livez")
    assert "Strict-Transport-Security" in answer.headers

    def remaining(claimed: str) -> int:
        headers = {"X-Forwarded-For": claimed}
        answer = stack.client.post("/api/users", json=signup("no address"), headers=headers)
        found = re.search(r"\br=(\d+)", answer.headers["RateLimit"])
        assert found
        return int(found[1])

    assert remaining("192.0.2.1") - remaining("192.0.2.2") == 1  # check 30


def test_a_killed_process_is_replaced_and_nobody_notices(stack: ComposeStack) -> None:
    """Docker starts it again, and until then Caddy sends everything to the other."""
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


def test_without_its_database_the_service_says_so_and_recovers_by_itself(
    stack: ComposeStack,
) -> None:
    """503 with Retry-After, and alive all the while; within 5 s of its return all is well."""
    stack.succeed("kill", "postgres")
    answer = stack.client.get("/api/products?limit=7")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert stack.client.get("/livez").status_code == 200
    assert stack.inspect("app-1")["State"]["Health"]["Status"] == "healthy"
    stack.succeed("start", "postgres")
    assert wait_until(
        lambda: stack.inspect("postgres")["State"]["Health"]["Status"] == "healthy", timeout_s=30
    )
    assert wait_until(stack.ready, timeout_s=5)  # F1


@pytest.mark.parametrize("service", ["redis", "limits"])
def test_without_redis_the_service_goes_on(stack: ComposeStack, service: str) -> None:
    """Degraded, and says so: without cached reads, and without counts."""
    stack.succeed("kill", service)
    answer = stack.client.get("/readyz")
    assert (answer.status_code, answer.json()["redis"]) == (200, "down")
    assert stack.client.get("/api/products").status_code == 200
    stack.succeed("up", "--wait")
    assert wait_until(stack.ready, timeout_s=10)


def test_no_password_is_shown_on_a_command_line(stack: ComposeStack) -> None:
    """A command line is shown to every user of the machine."""
    env = (stack.directory / ".env").read_text()
    values = [line.partition("=")[2] for line in env.splitlines() if "PASSWORD" in line]
    commands = subprocess.run(
        ["ps", "-eo", "args"], capture_output=True, text=True, check=True
    ).stdout
    assert not any(value in commands for value in values)

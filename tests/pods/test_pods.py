"""The pods run as deploy/kubernetes describes them: permissions, settings, and their work."""

import re
import secrets

import pytest

from lab.stack.processes.waiting import wait_until
from tests.e2e.local_stack import signup
from tests.pods.pod_stack import PodStack

PODS = ("app", "worker", "postgres", "redis")
NO_CAPABILITIES = "0000000000000000"
"""A mask of all capabilities of Linux; see capabilities(7)."""
SECCOMP_FILTER = "2"
MEBIBYTE = 1024 * 1024


def test_the_app_is_ready(stack: PodStack) -> None:
    """Through the port of its pod, the app reports that it reaches PostgreSQL and Valkey."""
    response = stack.client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "ready", "postgres": "up", "redis": "up"}


@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe", "readinessProbe"])
def test_the_probes_of_the_app_succeed(stack: PodStack, probe: str) -> None:
    """Each probe names the port of the container, and its path returns 200."""
    app = stack.container_spec("app")
    (port,) = app["ports"]
    assert app[probe]["httpGet"]["port"] == port["name"]
    assert stack.passes("app", app[probe])


def test_a_signup_is_stored_and_the_worker_sends_its_message(stack: PodStack) -> None:
    """The app inserts a job into PostgreSQL, and the worker sends the message by SMTP."""
    email = f"{secrets.token_hex(8)}@example.com"
    assert stack.client.post("/api/users", json=signup(email)).status_code == 201
    sent = wait_until(lambda: len(stack.messages_to(email)) == 1, timeout_s=30)
    assert sent, stack.logs("worker")
    (text,) = stack.messages_to(email)
    assert re.search(r"https://shop\.example/account/confirm#\S+", text)


@pytest.mark.parametrize("name", PODS)
def test_no_container_has_unnecessary_permissions(stack: PodStack, name: str) -> None:
    """Process 1 has the user of the manifest. It has no capability, and cannot gain one."""
    status = dict(
        line.split(":\t", 1)
        for line in stack.inside(name, "cat", "/proc/1/status").splitlines()
        if ":\t" in line
    )
    context = stack.spec(name)["securityContext"]
    assert context["runAsUser"] > 0
    assert set(status["Uid"].split()) == {str(context["runAsUser"])}
    assert set(status["Gid"].split()) == {str(context["runAsGroup"])}
    for mask in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert status[mask] == NO_CAPABILITIES
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == SECCOMP_FILTER


@pytest.mark.parametrize("name", PODS)
def test_no_container_can_change_its_root_file_system(stack: PodStack, name: str) -> None:
    """The file system is mounted read-only, so no user can write to it.

    `/tmp` is part of it, unless the manifest has a volume there.
    """
    volumes = {it["mountPath"] for it in stack.container_spec(name).get("volumeMounts", ())}
    for directory in {"/srv", "/tmp"} - volumes:  # noqa: S108 - the test is that it cannot write
        error = stack.fails_inside(name, "touch", f"{directory}/new")
        assert "Read-only file system" in error
    mounts = [line.split() for line in stack.inside(name, "cat", "/proc/1/mounts").splitlines()]
    (options,) = [options for _, path, _, options, *_ in mounts if path == "/"]
    assert "ro" in options.split(",")


@pytest.mark.parametrize("name", [*PODS, "migrate"])
def test_each_container_has_the_limits_of_its_manifest(stack: PodStack, name: str) -> None:
    """The memory is limited. The container of the Job has no capability, either."""
    found = stack.inspect(name)
    limit = stack.container_spec(name)["resources"]["limits"]["memory"]
    assert found["HostConfig"]["Memory"] == int(limit.removesuffix("Mi")) * MEBIBYTE
    assert found["HostConfig"]["ReadonlyRootfs"]
    assert not found["EffectiveCaps"]


def test_the_settings_come_from_the_configmap_and_the_secret(stack: PodStack) -> None:
    """The app and the worker get the settings of the overlay, and no password of `migrator`."""
    for name in ("app", "worker"):
        env = dict(line.split("=", 1) for line in stack.inside(name, "env").splitlines())
        assert (env["ENVIRONMENT"], env["DRAIN_DELAY"]) == ("local", "0")
        assert env["PASSWORD_THREADS"] == "2"
        assert env["DATABASE_URL"].startswith("postgresql://roundtrip:")
        assert "migrator" not in str(env)

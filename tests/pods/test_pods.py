"""The pods run as deploy/kubernetes describes them: permissions, settings, and their work."""

import pytest

from tests.accounts import signup_body
from tests.pods.manifests import PROBES, local_overlay
from tests.pods.pod_stack import PodStack

PODS = ("app", "worker", "postgres", "redis")
NO_CAPABILITIES = "0000000000000000"
"""The mask in /proc/1/status of a process without capabilities; see capabilities(7)."""


def test_the_app_is_ready(stack: PodStack) -> None:
    """Through the port of its pod, the app reports that it reaches PostgreSQL and Valkey."""
    response = stack.client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "ready", "postgres": "up", "redis": "up"}


def test_the_probes_of_the_app_succeed(stack: PodStack) -> None:
    """Each probe names the port of the container, and a request to its path succeeds."""
    app = stack.container_spec("app")
    (port,) = app["ports"]
    for probe in PROBES:
        assert app[probe]["httpGet"]["port"] == port["name"]
        assert stack.app_passes(app[probe])


def test_a_signup_is_stored(stack: PodStack) -> None:
    """The app reaches the tables that the Job has created."""
    response = stack.client.post("/api/users", json=signup_body())
    assert response.status_code == 201


def test_the_worker_connects(stack: PodStack) -> None:
    """The worker registers itself in PostgreSQL with the password of its Secret."""
    stack.await_worker()


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


@pytest.mark.parametrize("name", PODS)
def test_no_container_can_change_its_root_file_system(stack: PodStack, name: str) -> None:
    """The file system is mounted read-only, so no user can write to it."""
    mounts = [line.split() for line in stack.inside(name, "cat", "/proc/1/mounts").splitlines()]
    (options,) = [options for _, path, _, options, *_ in mounts if path == "/"]
    assert "ro" in options.split(",")


def test_the_settings_come_from_the_configmap_and_the_secret(stack: PodStack) -> None:
    """The app and the worker get the settings of the overlay, and no password of `migrator`."""
    (settings,) = [it["data"] for it in local_overlay() if it["kind"] == "ConfigMap"]
    for name in ("app", "worker"):
        env = dict(line.split("=", 1) for line in stack.inside(name, "env").splitlines())
        assert settings.items() <= env.items()
        assert env["DATABASE_URL"].startswith("postgresql://roundtrip:")
        assert "migrator" not in str(env)

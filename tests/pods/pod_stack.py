"""The pods of the local overlay, which podman runs in place of a cluster."""

import json
import os
import secrets
import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import httpx2
import yaml

from lab.stack.config.ports import free_port
from lab.stack.processes.waiting import wait_until
from tests.pods.manifests import Resource, for_podman, local_overlay, secrets_and_scripts
from tests.service import CHECKOUT

IMAGE = "localhost/roundtrip:pod-test"
"""The service's image. The tests keep it, so that the next run builds only what has changed."""
START_TIMEOUT_SECONDS = 60.0


class PodStack:
    """The pods of the local overlay, with their own network, secrets and data.

    The name of a pod is that of its Deployment, StatefulSet or Job. Each pod has one container.
    """

    def __init__(self) -> None:
        """Render the overlay. Start nothing."""
        self._podman = shlex.split(os.environ.get("PODMAN") or "podman")
        self._prefix = f"roundtrip-test-{secrets.token_hex(4)}-"
        self._network = f"{self._prefix}network"
        self._resources = [*local_overlay(), *secrets_and_scripts()]
        self._published_port = free_port()
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{self._published_port}", timeout=30)

    def prepare(self) -> None:
        """Build the image, and create the network and the secrets."""
        # On the host's network, because Docker's firewall rules may block podman's networks.
        self._succeed("build", "--network", "host", "--tag", IMAGE, str(CHECKOUT))
        self._succeed("network", "create", self._network)
        # Without this option, podman would create another network, which no test deletes.
        self._play(self._all("Secret"), "--network", self._network)

    def play(self, name: str) -> None:
        """Start a pod, but do not wait until it is ready. Only the app's port is published."""
        aliases = ",".join(f"alias={it}" for it in self._services(name))
        options = ["--network", f"{self._network}:{aliases}" if aliases else self._network]
        if name == "app":
            ports = f"{self._published_port}:{self.app_container_port}"
            options += ["--publish", f"127.0.0.1:{ports}"]
        # podman finds a ConfigMap only in the file that contains the pod.
        self._play([*self._all("ConfigMap"), self._workload(name)], *options)

    def _play(self, resources: list[Resource], *options: str) -> None:
        changed = [for_podman(it, prefix=self._prefix, image=IMAGE) for it in resources]
        self._succeed("kube", "play", *options, "-", stdin=yaml.safe_dump_all(changed))

    def _services(self, name: str) -> list[str]:
        """Return the names of the Services that select a pod. podman runs no Services.

        As aliases on the network, these names lead to the pod.
        """
        labels = self._workload(name)["spec"]["template"]["metadata"]["labels"].items()
        return [
            it["metadata"]["name"]
            for it in self._all("Service")
            if it["spec"]["selector"].items() <= labels
        ]

    def _all(self, kind: str) -> list[Resource]:
        return [it for it in self._resources if it["kind"] == kind]

    def _workload(self, name: str) -> Resource:
        """Return a Deployment, a StatefulSet or a Job as it is rendered."""
        (found,) = [
            it
            for it in self._resources
            if it["metadata"]["name"] == name and "template" in it.get("spec", {})
        ]
        return found

    def spec(self, name: str) -> Resource:
        """Return the specification of a pod as it is rendered."""
        spec: Resource = self._workload(name)["spec"]["template"]["spec"]
        return spec

    def container_spec(self, name: str) -> Resource:
        """Return the specification of the container of a pod as it is rendered."""
        container: Resource
        (container,) = self.spec(name)["containers"]
        return container

    @property
    def app_container_port(self) -> int:
        """The port on which the app listens in its pod."""
        (port,) = self.container_spec("app")["ports"]
        return int(port["containerPort"])

    def app_passes(self, probe: Resource) -> bool:
        """Send a probe to the app, as the kubelet does. Return whether it succeeds."""
        try:
            return self.client.get(probe["httpGet"]["path"]).status_code < 400
        except httpx2.HTTPError:
            return False

    def await_app(self) -> None:
        """Wait until the readiness probe of the app succeeds."""
        probe = self.container_spec("app")["readinessProbe"]
        self._await("app", lambda: self.app_passes(probe))

    def await_server(self, name: str) -> None:
        """Wait until the readiness probe of PostgreSQL or Valkey succeeds."""
        command = self.container_spec(name)["readinessProbe"]["exec"]["command"]
        arguments = ("exec", self._container_name(name), *command)
        self._await(name, lambda: self._run(*arguments).returncode == 0)

    def await_worker(self) -> None:
        """Wait until the app counts one worker. The worker has no probe."""
        self._await("worker", lambda: "roundtrip_workers 1.0" in self.client.get("/metrics").text)

    def _await(self, name: str, condition: Callable[[], bool]) -> None:
        assert wait_until(condition, timeout_s=START_TIMEOUT_SECONDS), self.logs(name)

    def await_end(self, name: str) -> int:
        """Wait until the container of a pod has ended, and return its exit status."""
        return int(self._succeed("wait", self._container_name(name)))

    def stop_container(self, name: str, *options: str) -> None:
        """Stop the container of a pod, with the options of `podman stop`.

        The pod's network ends after its container, as in Kubernetes. `podman pod stop` ends the
        network at once, and running requests get no response.
        """
        self._succeed("stop", *options, self._container_name(name))

    def start_pod(self, name: str) -> None:
        """Start a pod whose container has ended. A running pod continues to run."""
        self._succeed("pod", "start", self._pod_name(name))

    def _pod_name(self, name: str) -> str:
        return f"{self._prefix}{name}"

    def _container_name(self, name: str) -> str:
        return f"{self._pod_name(name)}-{self.container_spec(name)['name']}"

    def inspect(self, name: str) -> Any:
        """Return the output of `podman container inspect` for the container of a pod."""
        return json.loads(self._succeed("container", "inspect", self._container_name(name)))[0]

    def logs(self, name: str) -> str:
        """Return all that the container of a pod has written."""
        result = self._run("logs", self._container_name(name))
        return result.stdout + result.stderr

    def inside(self, name: str, *command: str) -> str:
        """Run a command, which must succeed, in the container of a pod. Return its output."""
        return self._succeed("exec", self._container_name(name), *command)

    def run_sql(self, statement: str) -> str:
        """Run a statement as the superuser, and return the output of psql."""
        psql = ("psql", "-U", "postgres", "roundtrip", "-Atc", statement)
        return self.inside("postgres", *psql).strip()

    def discard(self) -> None:
        """Delete the pods, the network, the secrets and the data. Keep the images."""
        self.client.close()
        # This also deletes all pods on the network.
        results = [self._run("network", "rm", "--force", "--time", "0", self._network)]
        for kind in ("volume", "secret"):
            found = self._run(kind, "ls", "--quiet", "--filter", f"name={self._prefix}")
            results += [found, *(self._run(kind, "rm", it) for it in found.stdout.split())]
        # All commands have run, even if one has failed.
        assert not [it.stderr for it in results if it.returncode != 0]

    def _succeed(self, *arguments: str, stdin: str = "") -> str:
        """Run podman, which must succeed, and return its output."""
        result = self._run(*arguments, stdin=stdin)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def _run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [*self._podman, *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)

"""The pods of the local overlay, which podman runs in place of a cluster."""

import json
import os
import secrets
import shlex
import subprocess
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import httpx2
import yaml

from lab.stack.ports import free_port
from lab.stack.processes.waiting import wait_until
from tests.pods.manifests import (
    Resource,
    created_by_commands,
    for_podman,
    on_docker_hub,
    rendered,
)
from tests.service import CHECKOUT

IMAGE = "localhost/roundtrip:pod-test"
"""The service's image. The tests keep it, so that the next run builds only what has changed."""
COMMAND_TIMEOUT_SECONDS = 600.0
"""The maximum duration of one command. The first build downloads the base image and packages."""
START_TIMEOUT_SECONDS = 60.0
_JOBS_SINCE = (5, 3)
"""The first version of podman that knows Jobs."""
_MAILBOX_PORT = 8025

Result = subprocess.CompletedProcess[str]


class PodStack:
    """The pods of the local overlay, with their own network, secrets and data.

    The name of a pod is that of its Deployment, StatefulSet or Job. Each pod has one container.
    """

    def __init__(self) -> None:
        """Render the overlay. Start nothing."""
        self._podman = shlex.split(os.environ.get("PODMAN") or "podman")
        self._prefix = f"roundtrip-test-{secrets.token_hex(4)}-"
        self._network = f"{self._prefix}network"
        self._mail = f"{self._prefix}mail"
        self._resources = rendered()
        self._secrets: list[str] = []
        self.app_port, self._mailbox_port = free_port(), free_port()
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{self.app_port}", timeout=30)

    def prepare(self, settings: Mapping[str, str]) -> None:
        """Build the image, create the network and the secrets, and start a mail server.

        `settings` are added to the secret `service`.
        """
        # On the host's network, because Docker's firewall rules may block podman's networks.
        self.succeed("build", "--network", "host", "--tag", IMAGE, str(CHECKOUT))
        self.succeed("network", "create", self._network)
        for resource in created_by_commands():
            if resource["kind"] == "ConfigMap":
                self._resources.append(resource)
            elif resource["kind"] == "Secret":
                if resource["metadata"]["name"] == "service":
                    resource["stringData"] = dict(settings)
                self._create_secret(resource)
        self._start_mail()

    def _create_secret(self, resource: Resource) -> None:
        secret = self._for_podman(resource)
        # Without a network, podman would create one that stays.
        self.succeed("kube", "play", "--network", self._network, "-", stdin=yaml.safe_dump(secret))
        self._secrets.append(secret["metadata"]["name"])

    def _start_mail(self) -> None:
        """Start the mail server of docker-compose.yml, because the overlay has none."""
        compose = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
        mail = compose["services"]["mail"]
        self.succeed(
            *("run", "--detach", "--no-healthcheck", "--name", self._mail),
            *("--network", f"{self._network}:alias=mail"),
            *("--publish", f"127.0.0.1:{self._mailbox_port}:{_MAILBOX_PORT}"),
            *(f"--env={name}={value}" for name, value in mail["environment"].items()),
            on_docker_hub(mail["image"]),
        )

    def play(self, name: str, *options: str) -> None:
        """Start a pod, with the options of `podman kube play`. The pod may not be ready yet."""
        # podman finds a ConfigMap only in the file that contains the pod.
        used = [it for it in self._resources if it["kind"] == "ConfigMap"] + [self.workload(name)]
        manifest = yaml.safe_dump_all([self._for_podman(it) for it in used])
        aliases = ",".join(f"alias={it}" for it in self._services(name))
        network = f"{self._network}:{aliases}" if aliases else self._network
        self.succeed("kube", "play", "--network", network, *options, "-", stdin=manifest)

    def _services(self, name: str) -> list[str]:
        """Return the names of the Services that select a pod. podman runs no Services.

        As aliases on the network, these names lead to the pod.
        """
        labels = self.workload(name)["spec"]["template"]["metadata"]["labels"].items()
        services = [it for it in self._resources if it["kind"] == "Service"]
        return [
            it["metadata"]["name"] for it in services if it["spec"]["selector"].items() <= labels
        ]

    def _for_podman(self, resource: Resource) -> Resource:
        return for_podman(resource, prefix=self._prefix, image=IMAGE, knows_jobs=self._knows_jobs)

    @cached_property
    def _knows_jobs(self) -> bool:
        version = self.succeed("version", "--format", "{{.Client.Version}}")
        major, minor = version.split(".")[:2]
        return (int(major), int(minor)) >= _JOBS_SINCE

    def workload(self, name: str) -> Resource:
        """Return a Deployment, a StatefulSet or a Job as it is rendered."""
        (found,) = [
            it
            for it in self._resources
            if it["metadata"]["name"] == name and "template" in it.get("spec", {})
        ]
        return found

    def spec(self, name: str) -> Resource:
        """Return the specification of a pod as it is rendered."""
        spec: Resource = self.workload(name)["spec"]["template"]["spec"]
        return spec

    def container_spec(self, name: str) -> Resource:
        """Return the specification of the container of a pod as it is rendered."""
        container: Resource
        (container,) = self.spec(name)["containers"]
        return container

    def passes(self, name: str, probe: Resource) -> bool:
        """Execute a probe, as the kubelet does. Return whether it succeeds."""
        if "exec" in probe:
            return self._exec(name, *probe["exec"]["command"]).returncode == 0
        try:
            return self.client.get(probe["httpGet"]["path"]).status_code < 400
        except httpx2.HTTPError:
            return False

    def await_ready(self, name: str) -> None:
        """Wait until the readiness probe of a pod succeeds."""
        probe = self.container_spec(name)["readinessProbe"]
        ready = wait_until(lambda: self.passes(name, probe), timeout_s=START_TIMEOUT_SECONDS)
        assert ready, self.logs(name)

    def await_end(self, name: str) -> int:
        """Wait until the container of a pod has ended, and return its exit status."""
        return int(self.succeed("wait", self.container(name)))

    def stop(self, name: str, *options: str) -> None:
        """Stop the container of a pod, with the options of `podman stop`.

        Like the kubelet, this ends the network of the pod after the container. `podman pod stop`
        ends the network at once, and running requests get no response.
        """
        self.succeed("stop", *options, self.container(name))

    def start_again(self, name: str) -> None:
        """Start a pod whose container has ended."""
        self.succeed("pod", "start", self.pod(name))

    def pod(self, name: str) -> str:
        """Return podman's name of a pod."""
        return f"{self._prefix}{name}-pod"

    def container(self, name: str) -> str:
        """Return podman's name of the container of a pod."""
        return f"{self.pod(name)}-{self.container_spec(name)['name']}"

    def inspect(self, name: str) -> Any:
        """Return the output of `podman container inspect` for the container of a pod."""
        return json.loads(self.succeed("container", "inspect", self.container(name)))[0]

    def logs(self, name: str) -> str:
        """Return all that the container of a pod has written."""
        result = self._run("logs", self.container(name))
        return result.stdout + result.stderr

    def inside(self, name: str, *command: str, stdin: str = "") -> str:
        """Run a command, which must succeed, in the container of a pod. Return its output."""
        result = self._exec(name, *command, stdin=stdin)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def fails_inside(self, name: str, *command: str) -> str:
        """Run a command, which must fail, in the container of a pod. Return its error output."""
        result = self._exec(name, *command)
        assert result.returncode != 0, result.stdout
        return result.stderr

    def _exec(self, name: str, *command: str, stdin: str = "") -> Result:
        return self._run("exec", "--interactive", self.container(name), *command, stdin=stdin)

    def run_sql(self, statement: str) -> str:
        """Run a statement as the superuser, and return the output of psql."""
        psql = ("psql", "-U", "postgres", "roundtrip", "-Atc", statement)
        return self.inside("postgres", *psql).strip()

    def messages_to(self, address: str) -> list[str]:
        """Return the texts of the messages to an address that the mail server has received."""
        mailbox = f"http://127.0.0.1:{self._mailbox_port}/api/v1"
        found = httpx2.get(f"{mailbox}/search", params={"query": f'to:"{address}"'}).json()
        return [
            httpx2.get(f"{mailbox}/message/{it['ID']}").json()["Text"] for it in found["messages"]
        ]

    def discard(self) -> None:
        """Delete the containers, the network, the secrets and the data. Keep the images."""
        self.client.close()
        own = ("--quiet", "--filter", f"name={self._prefix}")
        if pods := self.succeed("pod", "ls", *own).split():
            self.succeed("pod", "rm", "--force", "--time", "0", *pods)
        self._run("rm", "--force", "--time", "0", self._mail)
        if volumes := self.succeed("volume", "ls", *own).split():
            self.succeed("volume", "rm", *volumes)
        if self._secrets:
            self.succeed("secret", "rm", *self._secrets)
        self._run("network", "rm", self._network)

    def succeed(self, *arguments: str, stdin: str = "") -> str:
        """Run podman, which must succeed, and return its output."""
        result = self._run(*arguments, stdin=stdin)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def _run(self, *arguments: str, stdin: str = "") -> Result:
        return subprocess.run(
            [*self._podman, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
            check=False,
        )

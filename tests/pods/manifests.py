"""What podman runs: the local overlay of deploy/kubernetes, and the secrets that it needs."""

import os
import re
import subprocess
from collections.abc import Mapping
from typing import Any

import yaml

from lab.install import KUBERNETES
from tests.service import CHECKOUT

Resource = dict[str, Any]

_COMMANDS = re.compile(r"^alias k=.*?$(.*?)^```$", re.DOTALL | re.MULTILINE)
"""The commands in docs/kubernetes.md that create the secrets."""
_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
_WRITABLE = {"/tmp", "/var/tmp"}  # noqa: S108 - the tests make them read-only
_OBJECTS = ("metadata", "configMapRef", "secretRef", "secretKeyRef", "configMap")
"""The fields whose field `name` is the name of an object, or refers to one."""
_VOLUMES = ("volumes", "volumeMounts")


def rendered() -> list[Resource]:
    """Return the resources of the local overlay, as a cluster gets them."""
    return _documents("kubectl kustomize deploy/kubernetes/overlays/local")


def created_by_commands() -> list[Resource]:
    """Return what the commands in docs/kubernetes.md create before the start of the pods.

    kubectl prints the objects. It sends them to no cluster.
    """
    commands = _COMMANDS.search((CHECKOUT / "docs" / "kubernetes.md").read_text())
    assert commands
    printed = 'k() { kubectl "$@" --dry-run=client --output=yaml; echo ---; }'
    return _documents(printed + commands[1])


def _documents(script: str) -> list[Resource]:
    result = subprocess.run(
        ["sh", "-euc", script],
        cwd=CHECKOUT,
        env={
            **os.environ,
            "PATH": f"{KUBERNETES / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(KUBERNETES),
            "KUBECONFIG": os.devnull,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return [it for it in yaml.safe_load_all(result.stdout) if it]


def for_podman(resource: Resource, *, prefix: str, image: str, knows_jobs: bool) -> Resource:
    """Return a resource with all changes that podman needs, and no others.

    - podman has no namespaces. So the names of all objects get a prefix, and the tests do not touch
      the objects of a developer.
    - podman gives a volume the name that it has in its pod, so two pods would share the volume
      `data`. The names of volumes get the prefix and the name of the pod.
    - An `emptyDir` is a volume on disk. podman ignores `fsGroup`, and only root could write to an
      `emptyDir` in memory. A volume on disk gets the owner that its directory has in the image.
    - A volume in `/var/run` is in `/run`, which is the same directory in Debian. podman 4.9 follows
      the link `/var/run` on the host, and would give the volume the owner of a host's directory.
    - podman adds a writable `/tmp` and `/var/tmp` to a read-only file system, unless the container
      has volumes there. So it gets read-only volumes. Only root could write to `/run`.
    - podman runs a probe as `curl` or `nc` in the container, and the image has neither. The tests
      execute the probes in place of the kubelet (`PodStack.passes`).
    - Kubernetes looks for an image without a registry on Docker Hub. podman has no default. The
      service's own image is the one that the tests have built.
    - podman knows no StatefulSet, and knows Jobs only since version 5.3. Their pod templates run as
      pods.

    podman also ignores some fields, which stay. docs/kubernetes.md lists them.
    """
    name = resource["metadata"]["name"]
    prefixes = dict.fromkeys(_OBJECTS, prefix) | dict.fromkeys(_VOLUMES, f"{prefix}{name}-")
    changed: Resource = _with_prefixes(resource, prefixes)
    template = changed.get("spec", {}).get("template")
    if template is None:
        return changed
    _change_volumes(template["spec"], prefixes["volumes"])
    for container in template["spec"]["containers"]:
        for probe in _PROBES:
            container.pop(probe, None)
        own = container["image"].partition(":")[0] == "roundtrip"
        container["image"] = image if own else on_docker_hub(container["image"])
    if changed["kind"] == "Deployment" or (changed["kind"] == "Job" and knows_jobs):
        return changed
    # podman gives this name to the pod of a Deployment.
    metadata = {**template["metadata"], "name": f"{prefix}{name}-pod"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def _with_prefixes(value: Any, prefixes: Mapping[str, str], field: str = "") -> Any:
    if isinstance(value, list):
        return [_with_prefixes(it, prefixes, field) for it in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _with_prefixes(it, prefixes, key) for key, it in value.items()}
    if field in prefixes and "name" in changed:
        changed["name"] = prefixes[field] + changed["name"]
    return changed


def _change_volumes(spec: Resource, prefix: str) -> None:
    volumes = spec.setdefault("volumes", [])
    for volume in volumes:
        if "emptyDir" in volume:
            volume["emptyDir"] = {}
    for container in spec["containers"]:
        mounts = container.setdefault("volumeMounts", [])
        for mount in mounts:
            mount["mountPath"] = re.sub("^/var/run/", "/run/", mount["mountPath"])
        for path in _WRITABLE - {it["mountPath"] for it in mounts}:
            name = f"{prefix}read-only{path.replace('/', '-')}"
            volumes.append({"name": name, "emptyDir": {}})
            mounts.append({"name": name, "mountPath": path, "readOnly": True})


def on_docker_hub(image: str) -> str:
    """Return the full name of an image of Docker Hub."""
    return f"docker.io/{image}" if "/" in image else f"docker.io/library/{image}"

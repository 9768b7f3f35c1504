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
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
_WRITABLE_IN_PODMAN = {"/tmp", "/var/tmp"}  # noqa: S108 - the tests make them read-only
_NAME_FIELDS = ("metadata", "configMapRef", "secretRef", "secretKeyRef", "configMap")
"""In these fields, `name` is the name of an object or refers to an object."""
_VOLUME_FIELDS = ("volumes", "volumeMounts")


def local_overlay() -> list[Resource]:
    """Return the resources of the local overlay, as a cluster gets them."""
    return _documents("kubectl kustomize deploy/kubernetes/overlays/local")


def secrets_and_scripts() -> list[Resource]:
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


def for_podman(resource: Resource, *, prefix: str, image: str) -> Resource:
    """Return a resource with all changes that podman needs, and no others.

    - podman does not support StatefulSets. All pod templates run as pods.
    - podman has no namespaces. So the names of all objects get a prefix, and the tests do not touch
      the objects of a developer.
    - podman gives a volume the name that it has in its pod, so two pods would share the volume
      `data`. The names of volumes get the prefix and the name of the pod.
    - An `emptyDir` is a volume on disk. podman ignores `fsGroup`, and only root could write to an
      `emptyDir` in memory. A volume on disk gets the owner that its directory has in the image.
    - podman adds a writable `/tmp` and `/var/tmp` to a read-only file system, unless the container
      has volumes there. So each container gets read-only volumes there. `/run` stays unchanged,
      because only root could write to it.
    - podman runs a probe as `curl` or `nc` in the container, and the image has neither. The tests
      execute the probes in place of the kubelet.
    - Kubernetes looks for an image without a registry on Docker Hub. podman has no default. The
      service's own image is the one that the tests have built.

    podman also ignores some fields, which stay. docs/kubernetes.md lists them.
    """
    name = prefix + resource["metadata"]["name"]
    prefixes = dict.fromkeys(_NAME_FIELDS, prefix) | dict.fromkeys(_VOLUME_FIELDS, f"{name}-")
    changed: Resource = _with_prefixes(resource, prefixes)
    template = changed.get("spec", {}).get("template")
    if template is None:
        return changed
    spec = template["spec"]
    _change_volumes(spec, f"{name}-")
    for container in spec["containers"]:
        for probe in PROBES:
            container.pop(probe, None)
        is_service = container["image"].startswith("roundtrip:")
        container["image"] = image if is_service else f"docker.io/{container['image']}"
    metadata = {**template["metadata"], "name": name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


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
        for path in _WRITABLE_IN_PODMAN - {it["mountPath"] for it in mounts}:
            name = f"{prefix}read-only{path.replace('/', '-')}"
            volumes.append({"name": name, "emptyDir": {}})
            mounts.append({"name": name, "mountPath": path, "readOnly": True})

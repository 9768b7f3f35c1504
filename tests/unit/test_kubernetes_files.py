"""The manifests in deploy/kubernetes fit the service: settings, times and connections."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import Settings
from tests.service import CHECKOUT

_MANIFESTS = CHECKOUT / "deploy" / "kubernetes"
_KUSTOMIZATIONS = sorted(_MANIFESTS.rglob("kustomization.yaml"))
_OF_UVICORN = {"FORWARDED_ALLOW_IPS"}
_UVICORN_SHUTDOWN_SECONDS = 15
_SERVER_CONNECTIONS = 97
"""The default of PostgreSQL's `max_connections`, without those for superusers."""
_MIGRATION_CONNECTIONS = 2
_WORKER_CONNECTIONS = 4 + Settings.model_fields["database_pool_size"].default
"""The connections of the job queue, and those of the repositories."""


def _resource(file: str, kind: str) -> dict[str, Any]:
    resources = yaml.safe_load_all((_MANIFESTS / "base" / file).read_text())
    (found,) = [it for it in resources if it["kind"] == kind]
    return dict(found)


@pytest.mark.parametrize("file", _KUSTOMIZATIONS, ids=lambda file: file.parent.name)
def test_every_setting_exists(file: Path) -> None:
    """The service ignores an unknown variable, so a misspelled one would have no effect."""
    known = {name.upper() for name in Settings.model_fields} | _OF_UVICORN
    for generator in yaml.safe_load(file.read_text())["configMapGenerator"]:
        assert {line.partition("=")[0] for line in generator.get("literals", ())} <= known


def test_a_pod_has_time_to_finish_its_requests() -> None:
    """Kubernetes kills a pod after its grace period, which begins before `preStop`."""
    pod = _resource("app.yaml", "Deployment")["spec"]["template"]["spec"]
    pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > pause + _UVICORN_SHUTDOWN_SECONDS


def test_all_pods_together_fit_the_connections_of_the_server() -> None:
    """A rollout adds one pod of the app. Without a free connection, requests would get 503."""
    apps = _resource("availability.yaml", "HorizontalPodAutoscaler")["spec"]["maxReplicas"]
    worker = _resource("worker.yaml", "Deployment")["spec"]
    workers = worker["replicas"] + worker["strategy"]["rollingUpdate"]["maxSurge"]
    pool = Settings.model_fields["database_pool_size"].default
    needed = (apps + 1) * pool + workers * _WORKER_CONNECTIONS + _MIGRATION_CONNECTIONS
    assert needed <= _SERVER_CONNECTIONS

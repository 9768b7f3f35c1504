"""The manifests in deploy/kubernetes are valid, by the strictest checks that need no cluster."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.install import KUBERNETES
from tests.clients.node import installed, run
from tests.service import CHECKOUT

_MANIFESTS = CHECKOUT / "deploy" / "kubernetes"
_OVERLAYS = ("local", "production")
_VERSIONS = ("1.35", "1.36", "1.37")
"""The newest minor versions of Kubernetes."""
_CUSTOM_GROUPS = ("postgresql.cnpg.io", "gateway.networking.k8s.io", "monitoring.coreos.com")

pytestmark = pytest.mark.kubernetes


def _run(program: str, *arguments: str) -> str:
    result = subprocess.run(
        [str(KUBERNETES / "bin" / program), *arguments],
        cwd=_MANIFESTS,
        env={**os.environ, "PYTHONPATH": str(KUBERNETES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def _resources(overlay: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(_run("kubectl", "kustomize", f"overlays/{overlay}")))


def _is_custom(resource: dict[str, Any]) -> bool:
    return str(resource["apiVersion"]).startswith(_CUSTOM_GROUPS)


@pytest.fixture(params=_OVERLAYS)
def overlay(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file with those resources of an overlay whose kinds Kubernetes itself defines."""
    file = tmp_path / f"{request.param}.yaml"
    resources = [it for it in _resources(request.param) if not _is_custom(it)]
    file.write_text(yaml.safe_dump_all(resources))
    return file


@pytest.mark.parametrize("version", _VERSIONS)
def test_every_field_exists_in_the_newest_versions(overlay: Path, version: str) -> None:
    """A strict validation refuses unknown fields, which a cluster would ignore."""
    output = _run("kubernetes-validate", "--strict", "-k", version, str(overlay))
    assert "WARN" not in output


def test_checkov_finds_nothing(overlay: Path) -> None:
    """checkov.yaml has the reason for each check that is skipped."""
    arguments = ["--config-file", "checkov.yaml", "--skip-download", "--compact", "--quiet"]
    output = _run("checkov", *arguments, "--framework", "kubernetes", "--file", str(overlay))
    assert "Failed checks: 0" in output


def test_custom_resources_match_their_definitions(tmp_path: Path) -> None:
    """The definitions are those of CloudNativePG, the Gateway API and the Prometheus operator."""
    custom = [it for it in _resources("production") if _is_custom(it)]
    directory = installed(Path(__file__).with_name("custom_resources"), tmp_path)
    output = run("node", "validate.js", directory=directory, stdin=json.dumps(custom))
    assert sorted(output.split()) == ["Cluster", "HTTPRoute", "ServiceMonitor"]

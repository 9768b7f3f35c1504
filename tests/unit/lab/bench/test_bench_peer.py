"""When the Fastify service of `make bench` cannot be installed, the benchmark gets the reason."""

import json
from pathlib import Path

import pytest

from lab.bench import peer
from lab.stack.errors import LabError


def program(directory: Path, name: str, script: str) -> None:
    """Write an executable shell script."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("version", [None, "v18.20.4", "v20.11.1"])
def test_without_a_recent_node_nothing_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str | None
) -> None:
    """The message names the oldest version of Node.js that is accepted."""
    monkeypatch.setenv("PATH", str(tmp_path))
    if version is not None:
        program(tmp_path, "node", f"echo {version}")
        program(tmp_path, "npm", "exit 0")
    with pytest.raises(LabError, match=r"because Node\.js 20\.12 or newer with npm is mi"):
        peer.install(tmp_path / "fastify")
    assert not (tmp_path / "fastify").exists()


def test_without_the_packages_nothing_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`npm ci` fails for example without a network."""
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path, "node", "echo v22.0.0")
    program(tmp_path, "npm", "exit 1")
    with pytest.raises(LabError, match="because `npm ci` could not install its packages"):
        peer.install(tmp_path / "fastify")


def test_every_package_is_pinned_and_names_no_registry() -> None:
    """Versions are exact. The lock file names no server, so npm uses the configured registry."""
    lock = json.loads((peer.SOURCE / "package-lock.json").read_text())
    for name, version in peer.packages().items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
    assert not any("resolved" in package for package in lock["packages"].values())

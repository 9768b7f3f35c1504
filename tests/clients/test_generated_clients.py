"""Clients are generated from the OpenAPI document, type-checked, and used with the service."""

import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.accounts import Account
from tests.clients.node import installed, run
from tests.integration.shop import new_product
from tests.service import Service

PYTHON_CLIENT = Path(__file__).with_name("use_python_client.py")
PYTHON_GENERATOR = (
    "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning",
    "--config", Path(__file__).with_name("python_client.yaml"),
)  # fmt: skip


@pytest.fixture
def document(client: httpx2.Client, tmp_path: Path) -> Path:
    """The OpenAPI document, as a file."""
    path = tmp_path / "openapi.json"
    path.write_bytes(client.get("/openapi.json").content)
    return path


@pytest.fixture
def product_id(client: httpx2.Client, admin: Account) -> str:
    """The id of a product in stock."""
    return str(new_product(client, admin)["id"])


def _run_python(*arguments: str | Path, directory: Path) -> None:
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(directory), "MYPYPATH": str(directory)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_a_python_client_is_generated_type_checked_and_used(
    service: Service, document: Path, product_id: str, tmp_path: Path
) -> None:
    """The client supports signup, login, orders with a key, typed problems (409, 422), and 304."""
    package = tmp_path / "roundtrip_client"
    paths: list[str | Path] = ["--path", document, "--output-path", package]
    _run_python(*PYTHON_GENERATOR, *paths, directory=tmp_path)
    # The settings of this project do not apply, because they are not for generated code.
    check = ["-m", "mypy", "--strict", "--config-file", os.devnull]
    _run_python(*check, PYTHON_CLIENT, package, directory=tmp_path)
    _run_python(PYTHON_CLIENT, service.url, product_id, directory=tmp_path)


@pytest.mark.slow
def test_a_typescript_client_is_generated_compiled_and_used(
    service: Service, document: Path, product_id: str, tmp_path: Path
) -> None:
    """The client does the same as the Python client, with openapi-typescript and openapi-fetch."""
    directory = installed(Path(__file__).with_name("typescript"), tmp_path)
    run("openapi-typescript", str(document), "--output", "schema.ts", directory=directory)
    run("tsc", directory=directory)
    run("node", "use_client.js", service.url, product_id, directory=directory)


@pytest.mark.slow
def test_linters_find_nothing_in_the_openapi_document(document: Path, tmp_path: Path) -> None:
    """Redocly and Spectral apply their recommended rules. Their files say why a rule is off."""
    directory = installed(Path(__file__).with_name("linters"), tmp_path)
    redocly = ["redocly", "lint", str(document), "--config", "redocly.yaml", "--format", "json"]
    assert '"warnings": 0' in run(*redocly, directory=directory)
    spectral = ["spectral", "lint", str(document), "--ruleset", "spectral.yaml"]
    run(*spectral, "--fail-severity", "hint", directory=directory)

"""The contents of the image, and the permissions of its processes."""

import json
from typing import Any

import pytest

from tests.docker.compose_stack import ComposeStack

# A mask of all capabilities of Linux; see capabilities(7).
NO_CAPABILITIES = "0000000000000000"
# The base image has about 120 MB. An image that is larger than this limit needs a reason.
MAX_IMAGE_BYTES = 270_000_000


@pytest.fixture
def image(stack: ComposeStack) -> Any:
    """The output of `docker image inspect`."""
    return json.loads(stack.docker("image", "inspect", stack.image))[0]


def test_the_image_has_only_the_service_and_its_migrations(stack: ComposeStack) -> None:
    """The image contains no lab, no tests, no documentation and no secrets."""
    assert stack.inside("app-1", "ls", "-A", "/srv").split() == ["alembic.ini", "app", "migrations"]
    forbidden = stack.inside(
        "app-1", "find", "/srv", "/opt", "-name", ".env*", "-o", "-name", ".git"
    )
    assert forbidden == ""


def test_the_image_cannot_install_packages(stack: ComposeStack) -> None:
    """The image has no pip, no setuptools, and no ensurepip, which could install pip."""
    script = (
        "import importlib.util as i; print(*map(i.find_spec, ('pip', 'setuptools', 'ensurepip')))"
    )
    assert stack.inside("app-1", "python", "-c", script).split() == ["None"] * 3


def test_the_image_is_small(image: Any) -> None:
    """The limit is enough for the base image, the dependencies, and a megabyte of the service."""
    assert image["Size"] < MAX_IMAGE_BYTES


def test_the_image_has_labels(image: Any, stack: ComposeStack) -> None:
    """The OCI labels contain title, licence and version."""
    labels = image["Config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == "Roundtrip"
    assert labels["org.opencontainers.image.licenses"] == "MIT"
    assert labels["org.opencontainers.image.version"] == stack.project


def test_the_image_runs_as_a_numeric_user_without_privileges(
    image: Any, stack: ComposeStack
) -> None:
    """The number shows an orchestrator that the user is not root. Process 1 runs as this user."""
    user, _, group = image["Config"]["User"].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert stack.inside("app-1", "stat", "--format", "%u:%g", "/proc/1") == f"{user}:{group}\n"


def test_the_first_process_is_uvicorn(stack: ComposeStack) -> None:
    """Docker sends its signals to process 1. If that were a shell, uvicorn would get none."""
    first = stack.inside("app-1", "cat", "/proc/1/cmdline").split("\0")
    assert first[:3] == ["python", "-m", "uvicorn"]


@pytest.mark.parametrize(
    "service", ["app-1", "worker", "mail", "caddy", "postgres", "redis", "limits"]
)
def test_no_container_has_unnecessary_permissions(stack: ComposeStack, service: str) -> None:
    """Process 1 is not root, and can get no capability. The number of processes is limited."""
    status = dict(
        line.split(":\t", 1)
        for line in stack.inside(service, "cat", "/proc/1/status").splitlines()
        if ":\t" in line
    )
    assert "0" not in status["Uid"].split()
    assert status["CapEff"] == status["CapPrm"] == status["CapAmb"] == NO_CAPABILITIES
    assert status["NoNewPrivs"] == "1"
    assert stack.inspect(service)["HostConfig"]["PidsLimit"] > 0


def test_the_service_cannot_change_its_file_system(stack: ComposeStack) -> None:
    """The service cannot write to its code, its packages or the directory for temporary files."""
    paths = ("/srv/x", "/opt/venv/x", "/tmp/x")  # noqa: S108 - the test is that it cannot write
    result = stack.compose("exec", "--no-TTY", "app-1", "touch", *paths)
    assert result.stderr.count("cannot touch") == len(paths)


def test_the_image_contains_the_bytecode_of_all_modules(stack: ComposeStack) -> None:
    """With a read-only file system, each start would compile missing bytecode again."""
    script = (
        "import sys, app.main;"
        "print([n for n, m in sys.modules.items() if (getattr(m, '__file__', '') or '')"
        ".startswith(('/srv/', '/opt/')) and m.__file__.endswith('.py')"
        " and not __import__('os').path.exists(m.__cached__)])"
    )
    assert stack.inside("app-1", "python", "-c", script) == "[]\n"

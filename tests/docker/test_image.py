"""What is in the image, and what it is not allowed to do."""

import json
from typing import Any

import pytest

from tests.docker.compose_stack import ComposeStack

# Of all that Linux has; see capabilities(7).
NO_CAPABILITIES = "0000000000000000"
# The base image has about 120 MB of these; more than this needs a reason.
LARGEST_BYTES = 270_000_000


@pytest.fixture
def image(stack: ComposeStack) -> Any:
    """What Docker knows of the image."""
    return json.loads(stack.docker("image", "inspect", stack.image))[0]


def test_it_has_the_service_and_its_migrations_and_nothing_else_of_the_checkout(
    stack: ComposeStack,
) -> None:
    """No lab, no tests, no documentation, no secrets."""
    assert stack.inside("app-1", "ls", "-A", "/srv").split() == ["alembic.ini", "app", "migrations"]
    everything = stack.inside(
        "app-1", "find", "/srv", "/opt", "-name", ".env*", "-o", "-name", ".git"
    )
    assert everything == ""


def test_it_cannot_install_anything(stack: ComposeStack) -> None:
    """No pip, no setuptools, not even the copy of pip from which Python would make one."""
    script = (
        "import importlib.util as i; print(*map(i.find_spec, ('pip', 'setuptools', 'ensurepip')))"
    )
    assert stack.inside("app-1", "python", "-c", script).split() == ["None"] * 3


def test_it_is_small(image: Any) -> None:
    """The base, the dependencies' wheels, and a megabyte of ours."""
    assert image["Size"] < LARGEST_BYTES


def test_it_says_what_it_is(image: Any, stack: ComposeStack) -> None:
    """OCI labels, with the version that it was built as."""
    labels = image["Config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == "Roundtrip"
    assert labels["org.opencontainers.image.licenses"] == "MIT"
    assert labels["org.opencontainers.image.version"] == stack.project


def test_it_runs_as_nobody_in_particular(image: Any, stack: ComposeStack) -> None:
    """A number that an orchestrator can tell from root's, and it holds for every process."""
    user, _, group = image["Config"]["User"].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert stack.inside("app-1", "stat", "--format", "%u:%g", "/proc/1") == f"{user}:{group}\n"


def test_its_first_process_is_the_server_itself(stack: ComposeStack) -> None:
    """No shell stands between Docker's signals and uvicorn."""
    first = stack.inside("app-1", "cat", "/proc/1/cmdline").split("\0")
    assert first[:3] == ["python", "-m", "uvicorn"]


@pytest.mark.parametrize("service", ["app-1", "caddy", "postgres", "redis", "limits"])
def test_no_container_has_a_right_that_it_does_not_need(stack: ComposeStack, service: str) -> None:
    """Not root, no capability, no way to gain any, and nothing to write to but its data."""
    status = dict(
        line.split(":\t", 1)
        for line in stack.inside(service, "cat", "/proc/1/status").splitlines()
        if ":\t" in line
    )
    assert "0" not in status["Uid"].split()
    assert status["CapEff"] == status["CapPrm"] == status["CapAmb"] == NO_CAPABILITIES
    assert status["NoNewPrivs"] == "1"
    host = stack.inspect(service)["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0
    assert host["LogConfig"]["Config"]["max-size"]


def test_it_cannot_change_its_file_system(stack: ComposeStack) -> None:
    """Neither its code, nor what it imports, nor the place for temporary files."""
    places = ("/srv/x", "/opt/venv/x", "/tmp/x")  # noqa: S108 - that it cannot is the point
    attempt = stack.compose("exec", "--no-TTY", "app-1", "touch", *places)
    assert attempt.stderr.count("cannot touch") == len(places)


def test_its_bytecode_is_there_already(stack: ComposeStack) -> None:
    """A file system that cannot be written would have it compiled anew at every start."""
    script = (
        "import sys, app.main;"
        "print([n for n, m in sys.modules.items() if (getattr(m, '__file__', '') or '')"
        ".startswith(('/srv/', '/opt/')) and m.__file__.endswith('.py')"
        " and not __import__('os').path.exists(m.__cached__)])"
    )
    assert stack.inside("app-1", "python", "-c", script) == "[]\n"

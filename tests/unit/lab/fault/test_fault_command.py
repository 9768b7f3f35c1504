"""Usage errors of `lab fault`, and servers that the command does not touch."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab.__main__ import lab
from lab.fault.command import fault
from lab.stack.config.environment import Choices
from lab.stack.config.paths import Paths
from lab.stack.errors import LabError
from lab.stack.processes.identity import Identity
from lab.stack.processes.lock import Lock
from lab.stack.state import State


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["redis"],
        ["redis", "kill"],
        ["app", "stop"],
        ["worker"],
        ["worker", "start"],
        ["slow-sql"],
        ["slow-sql", "300"],
        ["slow-sql", "0ms"],
        ["slow-sql", "11s"],
    ],
    ids=["nothing", "no-action", "action", "app", "no-worker-action", "worker-action", "no-delay",
         "no-unit", "no-time", "too-long"],
)  # fmt: skip
def test_an_invalid_argument_prints_the_usage(arguments: list[str], tmp_path: Path) -> None:
    """The exit status is 2, even if no stack runs."""
    result = CliRunner().invoke(lab, ["fault", *arguments], obj=Paths(tmp_path))
    assert result.exit_code == 2
    assert result.output.startswith("Usage: lab fault")


def test_the_error_without_a_stack_shows_how_to_start_one(tmp_path: Path) -> None:
    """If no stack runs, there are no servers to stop."""
    with pytest.raises(LabError, match="make start"):
        fault.main(["redis", "stop"], obj=Paths(tmp_path), standalone_mode=False)


@pytest.mark.parametrize(
    ("arguments", "variable"),
    [
        (["redis", "stop"], "REDIS_URL"),
        (["postgres", "freeze"], "DATABASE_URL"),
        (["slow-sql", "300ms"], "DATABASE_URL"),
    ],
    ids=["redis", "postgres", "slow-sql"],
)
def test_a_server_of_the_caller_is_not_touched(
    arguments: list[str], variable: str, tmp_path: Path
) -> None:
    """If the stack uses a server of the caller, the error names the variable of that server."""
    choices = Choices(8080, 8443, "postgresql://mine", "redis://mine")
    paths = Paths(tmp_path)
    lock = Lock(paths.lock)
    assert lock.acquire()
    State(Identity.of(os.getpid()), choices, ready=True).save(paths)
    with pytest.raises(LabError, match=variable):
        fault.main(arguments, obj=paths, standalone_mode=False)
    assert {path.name for path in tmp_path.iterdir()} == {"lock", "stack.json"}
    lock.release()

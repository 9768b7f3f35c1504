"""What `lab fault` refuses, and what it leaves alone."""

import os
from pathlib import Path

import pytest

from lab.fault.command import fault
from lab.stack.environment import Choices
from lab.stack.errors import LabError
from lab.stack.identity import Identity
from lab.stack.lock import Lock
from lab.stack.paths import Paths
from lab.stack.state import State


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["redis"],
        ["redis", "kill"],
        ["app", "kill", "app-3"],
        ["slow-sql"],
        ["slow-sql", "300"],
        ["slow-sql", "0ms"],
        ["slow-sql", "11s"],
    ],
    ids=["nothing", "no-deed", "deed", "app", "no-delay", "no-unit", "no-time", "too-long"],
)
def test_a_wrong_word_is_answered_with_how_it_is_used(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit status 2, and nothing is looked for."""
    with pytest.raises(SystemExit) as ended:
        fault(Paths(tmp_path), words)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: lab fault")


def test_without_a_stack_it_says_how_to_start_one(tmp_path: Path) -> None:
    """There is nothing to break."""
    with pytest.raises(LabError, match="make start"):
        fault(Paths(tmp_path), ["redis", "stop"])


@pytest.mark.parametrize(
    ("words", "variable"),
    [
        (["redis", "stop"], "REDIS_URL"),
        (["postgres", "freeze"], "DATABASE_URL"),
        (["slow-sql", "300ms"], "DATABASE_URL"),
    ],
    ids=["redis", "postgres", "slow-sql"],
)
def test_a_server_of_ones_own_is_left_alone(
    words: list[str], variable: str, tmp_path: Path
) -> None:
    """The stack was started with an address of the caller's, which is named."""
    choices = Choices(8080, 8443, "postgresql://mine", "redis://mine")
    paths = Paths(tmp_path)
    lock = Lock(paths.lock)
    assert lock.acquire()
    State(Identity.of(os.getpid()), choices, ready=True).save(paths)
    with pytest.raises(LabError, match=variable):
        fault(paths, words)
    assert {path.name for path in tmp_path.iterdir()} == {"lock", "stack.json"}
    lock.release()

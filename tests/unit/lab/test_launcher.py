"""`.venv/bin/lab`: the lab's commands, typed from anywhere."""

import subprocess
import sys
from pathlib import Path

import pytest

from lab.install import CHECKOUT, launcher


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [(["--help"], 0, "usage: lab"), (["status"], 3, "make start"), (["nonsense"], 2, "lab:")],
    ids=["help", "command", "wrong"],
)
def test_the_commands_run_from_any_directory(
    tmp_path: Path, arguments: list[str], status: int, said: str
) -> None:
    """Even from one that has a `lab` of its own, and a space in its name."""
    (tmp_path / "a b").mkdir()
    (tmp_path / "lab.py").write_text("raise SystemExit('somebody else')")
    program = tmp_path / "a b" / "lab"
    program.write_text(launcher(Path(sys.executable), CHECKOUT))
    program.chmod(0o755)
    result = subprocess.run(
        [program, *arguments],
        cwd=tmp_path,
        env={"LAB_DIR": str(tmp_path / "nothing")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == status, result.stderr
    assert said in result.stdout + result.stderr

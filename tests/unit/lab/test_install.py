"""lab/install.py: the launcher `.venv/bin/lab`, and the settings that uv takes from pip."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.install import CHECKOUT, launcher, uv_settings


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--help"], 0, "Usage: lab"),
        (["psql", "--help"], 0, "Usage: lab psql"),
        (["status"], 3, "make start"),
        (["nonsense"], 2, "No such command"),
    ],
    ids=["help", "help of psql", "command", "wrong"],
)
def test_the_commands_run_from_any_directory(
    tmp_path: Path, arguments: list[str], status: int, message: str
) -> None:
    """The directory may have its own `lab.py`, and the path of the launcher may have a space."""
    (tmp_path / "a b").mkdir()
    (tmp_path / "lab.py").write_text("raise SystemExit('the wrong module')")
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
    assert message in result.stdout + result.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["trace", "--help"], ["status"]])
def test_a_closed_output_pipe_is_no_error(tmp_path: Path, arguments: list[str]) -> None:
    """With `| head`, the pipe may close early. Then no message about the pipe is printed."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        result = subprocess.run(
            [sys.executable, "-m", "lab", *arguments],
            cwd=CHECKOUT,
            env={"LAB_DIR": str(tmp_path)},
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.stderr == ""
    assert result.returncode == (3 if arguments == ["status"] else 0)


def test_uv_uses_the_mirror_that_pip_uses() -> None:
    """The indexes, the proxy and the certificates of uv come from pip's files and variables."""
    configuration = """\
:env:.cert='/etc/ssl/company.pem'
global.extra-index-url='\\nhttps://one.example/simple\\nhttps://two.example/simple'
global.find-links='/wheels /more-wheels'
global.index-url='https://mirror.example/simple'
global.proxy='http://proxy.example:3128'
global.timeout='60'
install.index-url='https://user:pass@private.example/simple'
"""
    assert uv_settings(configuration) == {
        "SSL_CERT_FILE": "/etc/ssl/company.pem",
        "UV_INDEX": "https://one.example/simple https://two.example/simple",
        "UV_FIND_LINKS": "/wheels,/more-wheels",
        "UV_DEFAULT_INDEX": "https://user:pass@private.example/simple",
        "ALL_PROXY": "http://proxy.example:3128",
    }

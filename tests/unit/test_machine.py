"""A test that finds the machine too slow runs again. After three such attempts, it fails."""

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
CONFTEST = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
from machine import RunAgainLater

def pytest_configure(config):
    config.pluginmanager.register(RunAgainLater())
"""
TEST = """
from machine import too_slow

attempts = []

def test_times():
    attempts.append(1)
    if len(attempts) <= {slow_attempts}:
        too_slow("a timer was 0.7 s late (limit 0.5 s)")
    assert {passes}

def test_another():
    assert not attempts or len(attempts) == 1
"""


def run(directory: Path, **values: object) -> "subprocess.CompletedProcess[str]":
    """Run pytest on a test that measures times, and on another test."""
    (directory / "conftest.py").write_text(CONFTEST)
    (directory / "test_it.py").write_text(TEST.format(**values))
    command = [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:schemathesis"]
    return subprocess.run(
        [*command, "--rootdir", directory, directory], capture_output=True, text=True, check=False
    )


def test_the_result_of_the_last_attempt_counts(tmp_path: Path) -> None:
    """The test is repeated after the other tests, and the output shows the slow measurement."""
    passed = run(tmp_path, slow_attempts=2, passes=True)
    assert passed.returncode == 0, passed.stdout
    assert "2 passed, 2 to be run again" in passed.stdout
    assert "too slow to judge: a timer was 0.7 s late (limit 0.5 s)" in passed.stdout
    failed = run(tmp_path, slow_attempts=1, passes=False)
    assert failed.returncode == 1
    assert "1 failed, 1 passed, 1 to be run again" in failed.stdout


def test_a_machine_that_is_too_slow_three_times_fails_the_test(tmp_path: Path) -> None:
    """The test fails, because three attempts on a slow machine have proved nothing."""
    result = run(tmp_path, slow_attempts=3, passes=True)
    assert result.returncode == 1
    assert "1 failed, 1 passed, 2 to be run again" in result.stdout

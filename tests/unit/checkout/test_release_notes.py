"""The release notes come from CHANGELOG.md. Without notes, there is no release."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / ".github" / "release-notes.sh"

CHANGELOG = """\
# Changelog

## [Unreleased]

- Not released yet.

## [1.2.0] - 2026-11-30

### Added

- A feature.

## [1.1.0] - 2026-11-01

- A fix.

[1.2.0]: https://github.com/owner/roundtrip/releases/tag/v1.2.0
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of version 1.2.0."""
    (tmp_path / ".github").mkdir()
    shutil.copy(SCRIPT, tmp_path / ".github")
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def notes(checkout: Path, tag: str) -> "subprocess.CompletedProcess[str]":
    """Run the script with a tag."""
    command = ["sh", str(checkout / ".github" / SCRIPT.name), tag]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_the_notes_are_those_of_the_version(checkout: Path) -> None:
    """The notes have no other version, no version heading, and no link from the end of the file."""
    result = notes(checkout, "v1.2.0")
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "### Added\n\n- A feature."


def test_a_version_without_notes_is_not_released(checkout: Path) -> None:
    """The script fails, and its message names the empty section."""
    (checkout / "CHANGELOG.md").write_text("# Changelog\n\n## [1.2.0] - 2026-11-30\n")
    result = notes(checkout, "v1.2.0")
    assert result.returncode == 1
    assert result.stderr == 'CHANGELOG.md has nothing under "## [1.2.0]".\n'


def test_a_tag_of_another_version_is_not_released(checkout: Path) -> None:
    """The tag must have the version that is in pyproject.toml."""
    result = notes(checkout, "v1.1.0")
    assert result.returncode == 1
    assert result.stderr == "The tag is for 1.1.0, but pyproject.toml says 1.2.0.\n"

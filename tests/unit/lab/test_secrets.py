"""Secrets of the local stack."""

import base64
import stat
from pathlib import Path

from lab.stack.secrets import load_or_create_password, load_or_create_signing_key, write_private


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    """The second caller gets what the first one made."""
    path = tmp_path / "password"
    assert load_or_create_password(path) == load_or_create_password(path)


def test_two_secrets_differ(tmp_path: Path) -> None:
    """Each file has a secret of its own."""
    assert load_or_create_password(tmp_path / "one") != load_or_create_password(tmp_path / "other")


def test_a_secret_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    """Mode 0600, and no draft is left beside it."""
    load_or_create_password(tmp_path / "password")
    assert stat.S_IMODE((tmp_path / "password").stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [tmp_path / "password"]


def test_the_signing_key_is_32_bytes_in_base64(tmp_path: Path) -> None:
    """The service asks for just that."""
    assert len(base64.b64decode(load_or_create_signing_key(tmp_path / "key"), validate=True)) == 32


def test_a_private_file_is_closed_even_where_an_open_one_was(tmp_path: Path) -> None:
    """The old file's mode does not stay."""
    path = tmp_path / "state"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert (stat.S_IMODE(path.stat().st_mode), path.read_text()) == (0o600, "new")

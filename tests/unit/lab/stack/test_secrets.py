"""Secrets of the local stack."""

import base64
import stat
from pathlib import Path

from lab.stack.config.secrets import (
    load_or_create_password,
    load_or_create_signing_key,
    write_private,
)


def test_a_secret_is_created_once(tmp_path: Path) -> None:
    """The second call returns the secret that the first one created."""
    path = tmp_path / "password"
    assert load_or_create_password(path) == load_or_create_password(path)


def test_two_secrets_differ(tmp_path: Path) -> None:
    """Each file gets its own secret."""
    assert load_or_create_password(tmp_path / "one") != load_or_create_password(tmp_path / "other")


def test_a_secret_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    """The mode of the file is 0600, and no temporary file is left."""
    load_or_create_password(tmp_path / "password")
    assert stat.S_IMODE((tmp_path / "password").stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [tmp_path / "password"]


def test_the_signing_key_is_32_bytes_in_base64(tmp_path: Path) -> None:
    """The service requires this format."""
    assert len(base64.b64decode(load_or_create_signing_key(tmp_path / "key"), validate=True)) == 32


def test_a_private_file_is_private_even_if_it_replaces_a_readable_one(tmp_path: Path) -> None:
    """The mode of the old file is not kept."""
    path = tmp_path / "state"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert (stat.S_IMODE(path.stat().st_mode), path.read_text()) == (0o600, "new")

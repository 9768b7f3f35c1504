"""Secrets of the local stack. Each is created once, and only its owner can read it."""

import base64
import os
import secrets
from pathlib import Path


def signing_key() -> str:
    """Return a new TOKEN_SIGNING_KEY: 32 random bytes, as base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def load_or_create_password(path: Path) -> str:
    """Return the password in the file. The first call creates it.

    The password needs no escaping in a URL, a configuration file or SQL.
    """
    return _load_or_create(path, secrets.token_hex(32))


def load_or_create_signing_key(path: Path) -> str:
    """Return the key in the file. The first call creates it."""
    return _load_or_create(path, signing_key())


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, even while it is being written."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _load_or_create(path: Path, new_secret: str) -> str:
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        write_private(draft, new_secret)
        try:
            # A hard link cannot replace a file. If two processes create the secret at the same
            # time, only the first link succeeds, and both processes use the first secret.
            os.link(draft, path)
        except FileExistsError:
            return path.read_text()
        finally:
            draft.unlink()
    return path.read_text()

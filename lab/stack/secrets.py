"""Secrets of the local stack: made once, readable by their owner only."""

import base64
import os
import secrets
from pathlib import Path


def password() -> str:
    """256 random bits that need no escaping in a URL, a configuration file or SQL."""
    return secrets.token_hex(32)


def signing_key() -> str:
    """32 random bytes, as base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def kept_password(path: Path) -> str:
    """Return the password in the file, made by the first caller."""
    return _kept(path, password())


def kept_signing_key(path: Path) -> str:
    """Return the key in the file, made by the first caller."""
    return _kept(path, signing_key())


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first moment on."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _kept(path: Path, fresh: str) -> str:
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        write_private(draft, fresh)
        try:
            # A link cannot replace a file: of two processes that come at the same time, one wins
            # and both go on with its secret.
            os.link(draft, path)
        except FileExistsError:
            return path.read_text()
        finally:
            draft.unlink()
    return path.read_text()

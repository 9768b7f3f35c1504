"""Where the stack keeps what it must remember."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.stack.errors import LabError

CHECKOUT = Path(__file__).resolve().parents[2]

# A log that has grown beyond this is set aside as `<name>.1` when its writer starts the next time.
LOG_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class Paths:
    """Every file and directory of one stack; all of them lie below `root`."""

    root: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Paths":
        """`LAB_DIR`, or `.lab` in the checkout."""
        return cls(Path(environment.get("LAB_DIR") or CHECKOUT / ".lab").expanduser().resolve())

    @property
    def lock(self) -> Path:
        """Held by the process that runs the stack, for as long as it lives."""
        return self.root / "lock"

    @property
    def state(self) -> Path:
        """What the running stack tells the other commands."""
        return self.root / "stack.json"

    @property
    def ca_certificate(self) -> Path:
        """The local authority's certificate, for `curl --cacert`."""
        return self.root / "ca.crt"

    @property
    def roll_lock(self) -> Path:
        """Held by one `make roll` at a time."""
        return self.root / "roll.lock"

    @property
    def token_signing_key(self) -> Path:
        """Made once, so that access tokens outlive a restart."""
        return self.root / "token-signing-key"

    @property
    def logs(self) -> Path:
        """One file for each server, and `stack.log` for a stack in the background."""
        return self.root / "logs"

    @property
    def stack_log(self) -> Path:
        """What `up` would print on a terminal."""
        return self.logs / "stack.log"

    def prepare(self) -> None:
        """Make the directories.

        They are open to every user, as `nobody` has to reach PostgreSQL's; what is secret in them
        is closed file by file.

        :raises LabError: when they cannot be written.
        """
        try:
            for directory in (self.root, self.logs):
                make_directory(directory)
        except OSError as error:
            raise _not_writable(self.root, error) from error


def make_directory(directory: Path) -> None:
    """Make it, readable by every user whatever the umask is."""
    if not directory.is_dir():
        directory.mkdir(parents=True)
        directory.chmod(0o755)


def set_aside_when_large(log: Path) -> None:
    """Keep a log and its predecessor below about twice `LOG_BYTES`."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_name(log.name + ".1"))


def last_lines(log: Path, count: int = 20, *, after_bytes: int = 0) -> str:
    """Return the end of a log, to be shown when the process that writes it has failed.

    Skip the first `after_bytes`: earlier starts wrote them. Of equal lines, return the last one:
    two processes that share a log fail for the same reason.
    """
    if not log.exists():
        return ""
    lines = log.read_bytes()[after_bytes:].decode(errors="replace").splitlines()
    newest_first = list(dict.fromkeys(reversed(lines)))[:count]
    return "\n".join(reversed(newest_first))


def _not_writable(directory: Path, error: OSError) -> LabError:
    user = os.geteuid()
    return LabError(
        f"Cannot write {directory}: {error.strerror}.\n"
        f"Make it yours:  sudo chown -R {user} {directory}\n"
        f"or keep the data elsewhere:  LAB_DIR=/tmp/roundtrip make start"
    )

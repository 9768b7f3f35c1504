"""The files and directories of the stack."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.stack.errors import LabError

CHECKOUT = Path(__file__).resolve().parents[2]

# A larger log is renamed to `<name>.1` when the process that writes the log starts.
MAX_LOG_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class Paths:
    """Every file and directory of one stack. All of them are below `root`."""

    root: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Paths":
        """Use `LAB_DIR`, or `.lab` in the checkout."""
        return cls(Path(environment.get("LAB_DIR") or CHECKOUT / ".lab").expanduser().resolve())

    @property
    def lock(self) -> Path:
        """The lock of the running stack. The supervisor holds it until the stack has stopped."""
        return self.root / "lock"

    @property
    def state(self) -> Path:
        """The state of the running stack. The supervisor writes it, and other commands read it."""
        return self.root / "stack.json"

    @property
    def ca_certificate(self) -> Path:
        """The certificate of the local CA, for `curl --cacert`."""
        return self.root / "ca.crt"

    @property
    def roll_lock(self) -> Path:
        """The lock of `make roll`, so that two of these commands do not run at the same time."""
        return self.root / "roll.lock"

    @property
    def cluster(self) -> Path:
        """The files of `lab cluster`."""
        return self.root / "cluster"

    @property
    def cluster_lock(self) -> Path:
        """The lock that `lab cluster` holds."""
        return self.root / "cluster.lock"

    @property
    def cluster_ready(self) -> Path:
        """The file that exists while all servers of `lab cluster` run."""
        return self.root / "cluster-ready"

    @property
    def token_signing_key(self) -> Path:
        """The signing key's file. The key is kept, so access tokens stay valid after a restart."""
        return self.root / "token-signing-key"

    @property
    def logs(self) -> Path:
        """The logs: one file for each server, and `stack.log` for a stack in the background."""
        return self.root / "logs"

    @property
    def stack_log(self) -> Path:
        """The log of a stack in the background: the output that `up` prints on a terminal."""
        return self.logs / "stack.log"

    def prepare(self) -> None:
        """Create the directories.

        Every user can read the directories, because `nobody` must reach PostgreSQL's directory.
        Only its owner can read a file with a secret.

        :raises LabError: when the directories cannot be created.
        """
        try:
            for directory in (self.root, self.logs):
                make_directory(directory)
        except OSError as error:
            raise _not_writable(self.root, error) from error


def make_directory(directory: Path) -> None:
    """Create the directory. Every user can read it, whatever the umask is."""
    if not directory.is_dir():
        directory.mkdir(parents=True)
        directory.chmod(0o755)


def rotate_when_large(log: Path) -> None:
    """Rename a log larger than `MAX_LOG_BYTES` to `<name>.1`, and replace an older `<name>.1`."""
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_name(log.name + ".1"))


def last_lines(log: Path, count: int = 20, *, after_bytes: int = 0) -> str:
    """Return the end of a log, to show why the process that writes it has failed.

    Skip the first `after_bytes`, which earlier starts wrote. If a line occurs twice, return only
    the later line: two processes that share a log usually fail for the same reason.
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
        f"Change its owner:  sudo chown -R {user} {directory}\n"
        f"or keep the data elsewhere:  LAB_DIR=/tmp/roundtrip make start"
    )

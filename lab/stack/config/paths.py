"""The files and directories of the stack."""

import os
from collections.abc import Mapping
from pathlib import Path

from lab.stack.errors import LabError

CHECKOUT = Path(__file__).resolve().parents[3]

# A larger log is renamed to `<name>.1` when the process that writes the log starts.
MAX_LOG_BYTES = 10 * 1024 * 1024


class Paths:
    """Every file and directory of one stack. All of them are below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        # The supervisor holds this lock until the stack has stopped.
        self.lock = root / "lock"
        # The supervisor writes the state of the running stack, and other commands read it.
        self.state = root / "stack.json"
        # Two `make roll` must not run at the same time.
        self.roll_lock = root / "roll.lock"
        # The certificate of the local CA, for `curl --cacert`.
        self.ca_certificate = root / "ca.crt"
        # The key is kept, so access tokens stay valid after a restart.
        self.token_signing_key = root / "token-signing-key"
        # Each server has a log here, except the apps and the workers. If the stack runs in the
        # background, `stack_log` has their output and the supervisor's.
        self.logs = root / "logs"
        self.stack_log = self.logs / "stack.log"
        # `lab cluster` has its own files and its own lock.
        self.cluster = root / "cluster"
        self.cluster_lock = root / "cluster.lock"
        # This file exists while all servers of `lab cluster` run.
        self.cluster_ready = root / "cluster-ready"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Paths":
        """Use `LAB_DIR`, or `.lab` in the checkout."""
        return cls(Path(environment.get("LAB_DIR") or CHECKOUT / ".lab").expanduser().resolve())

    def prepare(self) -> None:
        """Create the directories.

        Every user can read the directories, because PostgreSQL may run as another user.
        Only its owner can read a file with a secret.

        :raises LabError: when the directories cannot be created.
        """
        try:
            for directory in (self.root, self.logs):
                make_directory(directory)
        except OSError as error:
            raise LabError(
                f"Cannot write {self.root}: {error.strerror}.\n"
                f"Change its owner:  sudo chown -R {os.geteuid()} {self.root}\n"
                f"or keep the data elsewhere:  LAB_DIR=/tmp/roundtrip make start"
            ) from error


def make_directory(directory: Path) -> None:
    """Create the directory. Every user can read it, whatever the umask is."""
    if not directory.is_dir():
        directory.mkdir(parents=True)
        directory.chmod(0o755)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file atomically: a reader sees either the old file or the whole new file."""
    # Two processes may write the file at the same time.
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)


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

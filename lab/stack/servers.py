"""A long-running process: started, found again after a crash of its parent, ended."""

import os
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import psutil

from lab.stack.errors import InterruptedStartError, LabError
from lab.stack.footprint import Footprint
from lab.stack.identity import Identity
from lab.stack.paths import last_lines, make_directory, set_aside_when_large
from lab.stack.unprivileged import Who
from lab.stack.waiting import never, wait_until

# The descriptor of our own standard output, for a server that writes there too.
STANDARD_OUTPUT = 1


class Server(ABC):
    """One server with a directory of its own, in which it notes its port and its process.

    `start` and `stop` are for a caller who needs only this server; `with server:` does both.
    The supervisor uses the steps in between. Stopping keeps the directory.
    """

    stop_signal = signal.SIGTERM
    stop_timeout_s = 10.0
    # What is the matter with one that runs and is not ready.
    unready = "does not answer"
    # Whether another process serves while this one starts.
    starts_in_background = False

    def __init__(
        self, name: str, directory: Path, *, port: int | None = None, log: Path | None = None
    ) -> None:
        """Without `port` a free one is chosen and remembered, without `log` it lies inside."""
        self.name = name
        self.directory = directory
        self.log: Path | None = log or directory / "server.log"
        self._port = port
        self._footprint = Footprint(directory)
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = False
        # Bytes that the log had before the launch.
        self._log_began = 0

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1, or will."""
        return self._port or self._footprint.port() or self.choose_port()

    def choose_port(self) -> int:
        """Choose the port for all launches by this object: the one used last, if it is free.

        Only the process that launches the server calls this; other processes read the note.
        """
        if self._port is None:
            self._port = self._footprint.choose_port()
        return self._port

    @property
    def identity(self) -> Identity | None:
        """The process as last started, by this object or from another process; None if stopped."""
        return self._footprint.identity

    @abstractmethod
    def ready(self) -> bool:
        """Whether it answers now. Takes two seconds at most and never raises."""

    @abstractmethod
    def _command(self) -> list[str]:
        """Return the program and its arguments."""

    def _prepare(self) -> None:  # noqa: B027 - Most servers need nothing but their directory.
        """Make what must exist before the process can begin."""

    def _environment(self) -> Mapping[str, str]:
        return os.environ

    @property
    def _working_directory(self) -> Path:
        return self.directory

    def _who(self) -> Who:
        return {}

    def _inherited_descriptors(self) -> Sequence[int]:
        return ()

    def start(self, timeout_s: float = 60) -> None:
        """Return once it answers.

        :raises LabError: when it ends or does not answer in time, with the end of its log.
        """
        self.launch()
        try:
            self.wait_until_ready(timeout_s)
        except LabError:
            self.stop()
            raise

    def launch(self) -> None:
        """End what a crash left of it, then begin the process and do not wait."""
        make_directory(self.directory)
        self.end_leftover()
        self.release()
        self.choose_port()
        self._prepare()
        self._process = self._spawn()
        self._asked = False
        self._footprint.note(self._process.pid)

    def wait_until_ready(
        self, timeout_s: float = 60, *, cancelled: Callable[[], bool] = never
    ) -> None:
        """Return once it answers.

        :raises InterruptedStartError: when `cancelled` said so first.
        :raises LabError: when it ended or took longer, with the end of its log.
        """
        if wait_until(
            self.ready, timeout_s=timeout_s, give_up=lambda: cancelled() or not self.alive()
        ):
            return
        if cancelled():
            raise InterruptedStartError(f"{self.name} was told to stop while it was starting.")
        reason = f"did not answer within {timeout_s:.0f} s" if self.alive() else "ended at once"
        raise LabError(f"{self.name} {reason}.{self._evidence()}")

    def _evidence(self) -> str:
        if self.log is None:
            return ""
        lines = last_lines(self.log, after_bytes=self._log_began)
        return f"\n\n{lines}\n\nMore:  less {self.log}"

    def alive(self) -> bool:
        """Whether the process that this object launched still runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """How it ended, negative for a signal; None while it runs."""
        return self._process.returncode if self._process else None

    def ask_to_stop(self) -> None:
        """Send the signal, once, and do not wait; `stop` waits."""
        if self._process is not None and self.alive() and not self._asked:
            self._process.send_signal(self.stop_signal)
            self._asked = True

    def stop(self, *, hurry: Callable[[], bool] = never) -> None:
        """End it in its own way, then by force when it takes too long or `hurry` says so."""
        if self._process is None:
            return
        self.ask_to_stop()
        if not wait_until(lambda: not self.alive(), timeout_s=self.stop_timeout_s, give_up=hurry):
            self._process.kill()
        self._process.wait()
        self._process = None
        self._footprint.forget()

    @property
    def process(self) -> psutil.Process | None:
        """The living process, whoever started it."""
        return self._footprint.process()

    @property
    def held_down(self) -> bool:
        """Whether somebody wants it to stay ended; the next launch forgets that."""
        return self._hold.exists()

    def hold_down(self) -> None:
        """Have the supervisor of a running stack not bring it back when it ends."""
        make_directory(self.directory)
        self._hold.touch()

    def release(self) -> None:
        """Let the supervisor bring it back."""
        self._hold.unlink(missing_ok=True)

    @property
    def _hold(self) -> Path:
        return self.directory / "held-down"

    def end_leftover(self) -> bool:
        """End the process that a killed supervisor left behind; whether there was one."""
        return not self.alive() and self._footprint.end_process(
            self.stop_signal, self.stop_timeout_s
        )

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    def _spawn(self) -> "subprocess.Popen[bytes]":
        if self.log is None:
            return self._spawn_writing_to(STANDARD_OUTPUT)
        make_directory(self.log.parent)
        set_aside_when_large(self.log)
        with self.log.open("ab") as output:
            self._log_began = output.tell()
            return self._spawn_writing_to(output.fileno())

    def _spawn_writing_to(self, output: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self._command(),
            env=dict(self._environment()),
            cwd=self._working_directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # A session of its own: Ctrl-C in the terminal reaches only the supervisor, which ends
            # the servers in their order.
            start_new_session=True,
            pass_fds=self._inherited_descriptors(),
            **self._who(),
        )

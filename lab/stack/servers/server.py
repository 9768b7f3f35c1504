"""Starts and stops a server process, and finds the process again after its parent has crashed."""

import os
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Self

import psutil

from lab.stack.config.paths import last_lines, make_directory, rotate_when_large
from lab.stack.config.ports import RecordedPort
from lab.stack.errors import InterruptedStartError, LabError
from lab.stack.processes.faults import freeze, is_frozen, kill, thaw
from lab.stack.processes.identity import Identity
from lab.stack.processes.termination import has_ended, terminate_or_kill
from lab.stack.processes.waiting import never, wait_until
from lab.stack.servers.unprivileged import popen_user, reachable_directory_for

# The file descriptor of this process's standard output. A server without a log writes there.
STANDARD_OUTPUT = 1


class Server(ABC):
    """One server, with a directory in which its port and its process are recorded.

    A caller that needs only this server calls `start`, or uses `with server:`. The supervisor calls
    `launch` and `wait_until_ready` instead of `start`. After a stop, the directory remains.
    """

    stop_signal = signal.SIGTERM
    stop_timeout_s = 10.0
    # The end of a sentence about a server that runs and is not ready.
    unready_state = "does not answer"
    # The name of the server in `lab fault`, if the command can stop it.
    fault_name = ""
    # The effect when the server is stopped, and when the server is frozen.
    stopped_effect = "connections are refused"
    frozen_effect = "it answers nothing"
    # Whether a restart has a low priority, because other processes serve requests meanwhile.
    starts_in_background = False
    # Whether root starts the process as the user `nobody`. PostgreSQL and PgBouncer refuse root.
    drops_root = False
    # None: a free port is chosen and recorded. 0: the server listens on no port.
    fixed_port: int | None = None

    def __init__(self, name: str, directory: Path, *, log: Path | None = None) -> None:
        """Without `log`, the server writes its log to `directory`."""
        self.name = name
        self.directory = directory
        self.log: Path | None = log or directory / "server.log"
        self._port = RecordedPort(directory / "port")
        self._process_file = directory / "process.json"
        self._process: subprocess.Popen[bytes] | None = None
        self._stop_signal_sent = False
        # The size of the log before the launch.
        self._log_start_bytes = 0

    @property
    def port(self) -> int:
        """The port on 127.0.0.1 on which the server listens, or will listen."""
        return self._port.number if self.fixed_port is None else self.fixed_port

    def choose_port(self) -> int:
        """Choose the port for all launches by this object (see `RecordedPort.choose`)."""
        return self._port.choose() if self.fixed_port is None else self.fixed_port

    @property
    def identity(self) -> Identity | None:
        """The recorded process, which may have ended. None if no process is recorded."""
        return Identity.load(self._process_file)

    @property
    def heal_command(self) -> str:
        """The command that ends a fault of this server. Empty if `lab fault` has none for it."""
        return f".venv/bin/lab fault {self.fault_name} heal" if self.fault_name else ""

    @abstractmethod
    def ready(self) -> bool:
        """Return whether the server answers now. Takes at most two seconds and never raises."""

    def remedy(self) -> str:
        """Return what to do when the process runs but the server is not ready."""
        process = self.process
        if process is None:
            return "The stack is starting a new process."
        return f"End it, and the stack starts a new process:  kill -9 {process.pid}"

    @abstractmethod
    def _command(self) -> list[str]:
        """Return the program and its arguments."""

    def _prepare(self) -> None:  # noqa: B027 - Most servers need only their directory.
        """Create the files that must exist before the process starts."""

    def _environment(self) -> Mapping[str, str]:
        return os.environ

    @property
    def _working_directory(self) -> Path:
        return self.directory

    @cached_property
    def _home(self) -> Path:
        """The directory for files that `nobody` reads: `directory`, or one below /var/lib."""
        return reachable_directory_for(self.directory)

    def _inherited_descriptors(self) -> Sequence[int]:
        return ()

    def start(self) -> None:
        """Start the server, and return when it answers.

        :raises LabError: as in `wait_until_ready`.
        """
        self.launch()
        try:
            self.wait_until_ready()
        except BaseException:
            # Also after Ctrl-C, which does not reach the server's process.
            self.stop()
            raise

    def launch(self) -> None:
        """End a process that a crash has left, then start a new one. Do not wait for an answer."""
        make_directory(self.directory)
        self.end_leftover()
        self.enable_restart()
        self.choose_port()
        self._prepare()
        self._process = self._spawn()
        self._stop_signal_sent = False
        Identity.of(self._process.pid).save(self._process_file)

    def wait_until_ready(
        self, timeout_s: float = 60, *, cancelled: Callable[[], bool] = never
    ) -> None:
        """Return when the server answers.

        :raises InterruptedStartError: when `cancelled` returns true before the server answers.
        :raises LabError: with the end of the log, when the server ends or the timeout is over.
        """
        if wait_until(
            self.ready, timeout_s=timeout_s, abort=lambda: cancelled() or not self.alive()
        ):
            return
        if cancelled():
            raise InterruptedStartError(f"{self.name} was stopped while it was starting.")
        reason = f"did not answer within {timeout_s:.0f} s" if self.alive() else "ended"
        raise LabError(f"{self.name} {reason}.{self._log_excerpt()}")

    def _log_excerpt(self) -> str:
        if self.log is None:
            return ""
        lines = last_lines(self.log, after_bytes=self._log_start_bytes)
        return f"\n\n{lines}\n\nMore:  less {self.log}"

    def alive(self) -> bool:
        """Return whether the process that this object launched still runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """The exit status of the process, negative for a signal. None while it runs."""
        return self._process.returncode if self._process else None

    def send_stop_signal(self) -> None:
        """Send `stop_signal` unless it was sent before. Do not wait until the process has ended."""
        if self._process is not None and self.alive() and not self._stop_signal_sent:
            self._process.send_signal(self.stop_signal)
            self._stop_signal_sent = True

    def stop(self, *, kill_now: Callable[[], bool] = never) -> None:
        """Send `stop_signal`. Kill the process after the timeout, or when `kill_now` is true."""
        if self._process is None:
            return
        self.send_stop_signal()
        if not wait_until(lambda: not self.alive(), timeout_s=self.stop_timeout_s, abort=kill_now):
            self._process.kill()
        self._process.wait()
        self._process = None
        self._process_file.unlink(missing_ok=True)

    @property
    def process(self) -> psutil.Process | None:
        """The server's running process, even if another program started it. None if it ended."""
        # Read the file only once: the supervisor may delete the file between two reads.
        identity = self.identity
        return identity.process() if identity else None

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the server's process, if it runs. Do not wait."""
        process = self.process
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    @property
    def processes(self) -> Sequence[psutil.Process]:
        """The running processes of the server. Their descendants may be missing."""
        process = self.process
        return [] if process is None else [process]

    def kill(self) -> None:
        """Kill the processes of the server and their descendants (SIGKILL)."""
        processes = self.processes
        for process in processes:
            kill(process)
        for process in processes:
            wait_until(partial(has_ended, process), timeout_s=10)

    def freeze(self) -> None:
        """Stop the processes of the server and their descendants (SIGSTOP)."""
        for process in self.processes:
            freeze(process)

    def thaw(self) -> None:
        """Continue the processes of the server and their descendants, if they are frozen."""
        for process in self.processes:
            thaw(process)

    @property
    def frozen(self) -> bool:
        """Whether any process of the server is frozen."""
        return any(is_frozen(process) for process in self.processes)

    @property
    def restart_disabled(self) -> bool:
        """Whether the supervisor must not restart the server. The next launch enables restarts."""
        return self._restart_disabled_file.exists()

    def disable_restart(self) -> None:
        """Keep the supervisor from restarting the server when it ends."""
        make_directory(self.directory)
        self._restart_disabled_file.touch()

    def enable_restart(self) -> None:
        """Let the supervisor restart the server when it ends."""
        self._restart_disabled_file.unlink(missing_ok=True)

    @property
    def _restart_disabled_file(self) -> Path:
        return self.directory / "restart-disabled"

    def end_leftover(self) -> bool:
        """End the process that a killed supervisor left. Return whether such a process ran."""
        # A frozen process would not react to the signal.
        self.thaw()
        if self.alive():
            return False
        process = self.process
        if process is not None:
            terminate_or_kill(process, self.stop_signal, self.stop_timeout_s)
        self._process_file.unlink(missing_ok=True)
        return process is not None

    def __enter__(self) -> Self:
        """Start the server."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server."""
        self.stop()

    def _spawn(self) -> "subprocess.Popen[bytes]":
        if self.log is None:
            return self._spawn_writing_to(STANDARD_OUTPUT)
        make_directory(self.log.parent)
        rotate_when_large(self.log)
        with self.log.open("ab") as output:
            self._log_start_bytes = output.tell()
            return self._spawn_writing_to(output.fileno())

    def _spawn_writing_to(self, output: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self._command(),
            env=dict(self._environment()),
            cwd=self._working_directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Files that a server writes may contain passwords. Only the files' owner can read them.
            umask=0o077,
            # Ctrl-C must reach only the supervisor, which stops the servers in order.
            start_new_session=True,
            pass_fds=self._inherited_descriptors(),
            **(popen_user() if self.drops_root else {}),
        )

"""Restarts a server that has ended unexpectedly."""

import math
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

import psutil

from lab.stack.errors import LabError
from lab.stack.servers.server import Server

FIRST_PAUSE_SECONDS = 0.2
MAX_PAUSE_SECONDS = 5.0
# A starting process uses a processor for seconds, but must not slow down the serving processes.
STARTING_NICENESS = 10
# With the low priority, a process might never become ready on a busy machine. After this time, the
# process gets the normal priority.
NICE_START_SECONDS = 15.0


class Keeper:
    """Monitors one server. A server that ends repeatedly is restarted at growing intervals."""

    def __init__(self, server: Server, report: Callable[[str], None]) -> None:
        self._server = server
        self._report = report
        self._attempts = 0
        self._next_attempt = 0.0
        self._nice_until = math.inf
        self._restart_was_disabled = False

    def check(self) -> None:
        """Restart the server if it has ended. Do not wait until the server is ready."""
        if not self._server.alive():
            if self._server.restart_disabled:
                self._restart_was_disabled = True
                self._attempts = 0
                self._next_attempt = 0.0
            else:
                self._restart()
        elif self._attempts and self._server.ready():
            self._set_niceness(0)
            self._report(f"{self._server.name} is ready again.")
            self._attempts = 0
        elif self._attempts and time.monotonic() > self._nice_until:
            self._set_niceness(0)
            self._nice_until = math.inf

    def _restart(self) -> None:
        if self._attempts == 0:
            self._report(
                f"{self._server.name}: starting a new process."
                if self._restart_was_disabled
                else f"{self._server.name} {_ending(self._server.exit_status)}: starting it again."
            )
            self._restart_was_disabled = False
        if time.monotonic() < self._next_attempt:
            return
        pause = min(FIRST_PAUSE_SECONDS * 2 ** min(self._attempts, 10), MAX_PAUSE_SECONDS)
        self._attempts += 1
        self._next_attempt = time.monotonic() + pause
        try:
            self._server.launch()
            self._set_niceness(STARTING_NICENESS)
            self._nice_until = time.monotonic() + NICE_START_SECONDS
        except (LabError, OSError) as error:
            self._report(f"{self._server.name} could not be started. Trying again: {error}")

    def _set_niceness(self, niceness: int) -> None:
        # Only root can lower the niceness again. So the niceness is changed only for root.
        process = self._server.process
        if self._server.starts_in_background and os.geteuid() == 0 and process is not None:
            with suppress(psutil.NoSuchProcess):
                process.nice(niceness)


def _ending(status: int | None) -> str:
    if status is not None and status < 0:
        return f"was killed ({signal.Signals(-status).name})"
    return f"ended by itself (status {status})"

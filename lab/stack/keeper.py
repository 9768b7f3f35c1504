"""Bringing back a server that has ended although nobody asked it to."""

import math
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

import psutil

from lab.stack.errors import LabError
from lab.stack.servers import Server

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
# A start uses a processor for seconds; with this, only what the processes that serve leave of it.
STARTING_NICENESS = 10
# On a busy machine they leave nearly nothing. After this time a start competes with them.
NICE_START_S = 15.0


class Keeper:
    """Looks after one server. A server that keeps ending is tried again at growing intervals."""

    def __init__(self, server: Server, say: Callable[[str], None]) -> None:
        self._server = server
        self._say = say
        self._attempts = 0
        self._next_attempt = 0.0
        self._nice_until = math.inf
        self._was_held_down = False

    def look(self) -> None:
        """Launch the server again if it has ended; never waits until it is ready."""
        if not self._server.alive():
            if self._server.held_down:
                self._was_held_down = True
                self._attempts = 0
                self._next_attempt = 0.0
            else:
                self._bring_back()
        elif self._attempts and self._server.ready():
            self._set_niceness(0)
            self._say(f"{self._server.name} is back.")
            self._attempts = 0
        elif self._attempts and time.monotonic() > self._nice_until:
            self._set_niceness(0)
            self._nice_until = math.inf

    def _bring_back(self) -> None:
        if self._attempts == 0:
            self._say(
                f"{self._server.name}: starting a new process."
                if self._was_held_down
                else f"{self._server.name} {_ending(self._server.exit_status)}: starting it again."
            )
            self._was_held_down = False
        if time.monotonic() < self._next_attempt:
            return
        self._attempts += 1
        pause = min(FIRST_PAUSE_S * 2**self._attempts, LONGEST_PAUSE_S)
        self._next_attempt = time.monotonic() + pause
        try:
            self._server.launch()
            self._set_niceness(STARTING_NICENESS)
            self._nice_until = time.monotonic() + NICE_START_S
        except (LabError, OSError) as error:
            self._say(f"{self._server.name} could not be started, trying on: {error}")

    def _set_niceness(self, niceness: int) -> None:
        # Only root can make a process less nice again.
        process = self._server.process
        if self._server.starts_in_background and os.geteuid() == 0 and process is not None:
            with suppress(psutil.NoSuchProcess):
                process.nice(niceness)


def _ending(status: int | None) -> str:
    if status is not None and status < 0:
        return f"was killed ({signal.Signals(-status).name})"
    return f"ended by itself (status {status})"

"""Kills a process, or makes it hang, with all of its descendants."""

import signal
from collections.abc import Sequence
from contextlib import suppress

import psutil


def kill(process: psutil.Process) -> None:
    """Kill a process and its descendants (SIGKILL)."""
    # The parent is frozen first, so that it cannot start another child meanwhile. The children are
    # listed before the parent ends, because the system then gives the children another parent.
    _send(signal.SIGSTOP, process)
    _send(signal.SIGKILL, process, *_descendants(process))


def freeze(process: psutil.Process) -> None:
    """Stop a process and its descendants (SIGSTOP). Their connections stay open."""
    # The parent is frozen first, so that it cannot start another child meanwhile.
    _send(signal.SIGSTOP, process)
    _send(signal.SIGSTOP, *_descendants(process))


def thaw(process: psutil.Process) -> None:
    """Continue a process and its descendants (SIGCONT). A process that runs is not affected."""
    _send(signal.SIGCONT, process, *_descendants(process))


def is_frozen(process: psutil.Process) -> bool:
    """Return whether a process is stopped by SIGSTOP. False if it has ended."""
    try:
        return process.status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return False


def _descendants(process: psutil.Process) -> Sequence[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _send(number: signal.Signals, *processes: psutil.Process) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)

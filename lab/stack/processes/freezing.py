"""Makes a server hang: stops all of its processes. Its connections stay open."""

import signal
from contextlib import suppress

import psutil


def freeze(process: psutil.Process) -> None:
    """Stop a process and its descendants (SIGSTOP)."""
    # The parent is stopped first, so that it cannot start another child meanwhile.
    _send(process, signal.SIGSTOP)


def thaw(process: psutil.Process) -> None:
    """Continue a process and its descendants (SIGCONT). A process that runs is not affected."""
    _send(process, signal.SIGCONT)


def is_frozen(process: psutil.Process) -> bool:
    """Return whether a process is stopped by SIGSTOP. False if it has ended."""
    try:
        return process.status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return False


def _send(process: psutil.Process, number: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)
        for child in process.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.send_signal(number)

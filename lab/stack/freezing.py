"""A server that hangs: all of its processes stand still, and its connections stay open."""

import signal
from contextlib import suppress

import psutil


def freeze(process: psutil.Process) -> None:
    """Stop a process and all that it has started (SIGSTOP)."""
    # The parent first, so that it starts no others meanwhile.
    _send(process, signal.SIGSTOP)


def thaw(process: psutil.Process) -> None:
    """Let them go on (SIGCONT), which changes nothing for those that run."""
    _send(process, signal.SIGCONT)


def is_frozen(process: psutil.Process) -> bool:
    """Whether it stands still; one that has ended does not."""
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

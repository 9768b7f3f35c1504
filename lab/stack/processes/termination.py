"""Ends a process that need not be a child of this process."""

import signal

import psutil

from lab.stack.processes.waiting import wait_until


def terminate_or_kill(
    process: psutil.Process, stop_signal: signal.Signals, timeout_s: float
) -> None:
    """Send `stop_signal`, and SIGKILL after the timeout. The process need not be a child."""
    try:
        process.send_signal(stop_signal)
        if not wait_until(lambda: has_ended(process), timeout_s=timeout_s):
            process.kill()
            wait_until(lambda: has_ended(process), timeout_s=timeout_s)
    except psutil.NoSuchProcess:
        return


def has_ended(process: psutil.Process) -> bool:
    """Return whether a process has ended. A zombie process counts as ended."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True

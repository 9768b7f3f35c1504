"""If the machine was too slow to judge a test that measures times, repeat it at most twice.

A test that measures times has the marker `alone`. If a measurement shows that the machine, and not
the service, was slow, the test calls `too_slow` with this measurement. Then the attempt has no
verdict: it is no pass, no failure and no skip. The plugin `RunAgainLater` runs the test again at
the end of the same run. If the machine is too slow three times, the test fails.
"""

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

MAX_ATTEMPTS = 3

_AGAIN = "again"
_TIMER_SECONDS = 0.002
_PRESSURE = Path("/proc/pressure/cpu")


class MachineTooSlowError(Exception):
    """The machine was too slow, so the test cannot judge the service."""


def too_slow(figure: str) -> NoReturn:
    """End the test without a verdict. `figure` contains the measured value and the limit."""
    raise MachineTooSlowError(f"This machine is too slow to judge: {figure}")


@dataclass
class Pauses:
    """How long processes had to wait for a processor, in milliseconds."""

    longest_ms: float = 0.0
    """The longest delay of a timer on any processor."""
    total_ms: float = 0.0
    """The time in which at least one process waited; 0 if the kernel does not measure it."""


@contextmanager
def pauses() -> Iterator[Pauses]:
    """Measure how late timers fire on each processor while the block runs."""
    measured, ended, waited_ms = Pauses(), threading.Event(), _waited_ms()

    def watch(processor: int) -> None:
        # The first argument, 0, means this thread. Only Linux can pin a thread to a processor.
        if sys.platform == "linux":
            os.sched_setaffinity(0, {processor})
        due = time.perf_counter()
        while not ended.wait(_TIMER_SECONDS):
            late_ms = (time.perf_counter() - due - _TIMER_SECONDS) * 1000
            measured.longest_ms = max(measured.longest_ms, late_ms)
            due = time.perf_counter()

    processors = os.sched_getaffinity(0) if sys.platform == "linux" else {0}
    threads = [threading.Thread(target=watch, args=(processor,)) for processor in processors]
    for thread in threads:
        thread.start()
    try:
        yield measured
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        measured.total_ms = _waited_ms() - waited_ms


def _waited_ms() -> float:
    # The file has the kernel's "pressure stall information", in microseconds.
    try:
        total = _PRESSURE.read_text().partition("total=")[2].split()[0]
    except OSError:
        return 0.0
    return int(total) / 1000


class RunAgainLater:
    """A pytest plugin that appends a test without a verdict to the end of the run."""

    def __init__(self) -> None:
        self._attempts: Counter[str] = Counter()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Report an attempt without a verdict as "again", and the third one as failed.

        A pytest-xdist worker cannot repeat a test, so it reports even the first one as failed.
        """
        report = yield
        if not (call.excinfo and call.excinfo.errisinstance(MachineTooSlowError)):
            return report
        self._attempts[item.nodeid] += 1
        attempts_left = self._attempts[item.nodeid] < MAX_ATTEMPTS
        again = attempts_left and not hasattr(item.config, "workerinput")
        if again and isinstance(item, pytest.Function):
            # pytest's loop also runs items that are appended during the loop, but it runs no item
            # twice. So a copy is appended.
            copy = pytest.Function.from_parent(
                item.parent, name=item.name, callobj=item.obj, originalname=item.originalname
            )
            item.session.items.append(copy)
            report.outcome = _AGAIN  # type: ignore[assignment] # pytest knows three outcomes
        return report

    def pytest_report_teststatus(
        self, report: pytest.CollectReport | pytest.TestReport
    ) -> tuple[str, str, str] | None:
        """Count attempts without a verdict separately from passes, failures and skips."""
        outcome: str = report.outcome
        return ("to be run again", "A", "AGAIN") if outcome == _AGAIN else None

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the measurement of each attempt without a verdict."""
        for report in terminalreporter.getreports("to be run again"):
            terminalreporter.write_line(
                f"AGAIN {report.nodeid}: {report.longrepr.reprcrash.message}"
            )

"""`make bench`: compares the service with the limits of this machine, and writes a report."""

import json
import os
from datetime import UTC, datetime

from lab.bench.backends import running_backends
from lab.bench.choices import Choices
from lab.bench.load import wrk
from lab.bench.pinning import Processors, pinned_to
from lab.bench.results.machine import description
from lab.bench.results.report import Report
from lab.bench.run import Run, report_progress
from lab.bench.subjects import running_subjects
from lab.stack import control
from lab.stack.config.paths import Paths
from lab.stack.errors import LabError


def bench(paths: Paths) -> int:
    """Measure the service against the limits of this machine; writes docs/benchmarks.md."""
    del paths  # The benchmark starts its own servers, and does not use a running stack.
    choices = Choices.from_environment()
    wrk.require()
    try:
        report = _measured(choices)
    except KeyboardInterrupt:
        raise LabError(
            "\nInterrupted. No report is written, and all processes have ended."
        ) from None
    choices.report.write_text(report.page())
    as_json = choices.report.with_suffix(".json")
    as_json.write_text(json.dumps(report.fields(), indent=2, ensure_ascii=False) + "\n")
    print(f"\n{report.tables()}\n\nThe whole report:  less {choices.report}")
    return control.OK


def _measured(choices: Choices) -> Report:
    processors = Processors.available()
    machine = description(processors, os.getloadavg()[0])
    report_progress("Starting PostgreSQL, Valkey, and the measured processes")
    # A process that is started in this block inherits these processors, for example PostgreSQL,
    # Valkey or wrk. But the measured processes are pinned to their own processors.
    with (
        pinned_to(processors.rest),
        running_backends() as backends,
        running_subjects(backends, processors) as subjects,
    ):
        run = Run(choices, backends, subjects, processors)
        run.take()
        return Report(
            date=datetime.now(UTC),
            choices=choices,
            machine=machine,
            samples=run.samples,
            rate=run.rate,
            requests=run.requests,
            caveats=run.caveats(),
        )

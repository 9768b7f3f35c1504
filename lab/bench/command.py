"""`make bench`: holds the service against the limits of this machine, and writes it down."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime

from lab.bench import wrk
from lab.bench.choices import Choices
from lab.bench.ground import prepared_ground
from lab.bench.machine import description
from lab.bench.pinning import Processors, pinned_to
from lab.bench.report import Report
from lab.bench.run import Run
from lab.bench.subjects import running_subjects
from lab.stack import control
from lab.stack.errors import LabError
from lab.stack.paths import Paths


def bench(paths: Paths, environment: Mapping[str, str] = os.environ) -> int:
    """Measure the service beside the limits of this machine; writes docs/benchmarks.md."""
    del paths  # Nothing of a stack that runs here is touched.
    choices = Choices.from_environment(environment)
    wrk.require()
    try:
        report = _measured(choices)
    except KeyboardInterrupt:
        raise LabError("\nInterrupted. Nothing was written, and nothing runs on.") from None
    choices.report.write_text(report.page())
    as_json = choices.report.with_suffix(".json")
    as_json.write_text(json.dumps(report.fields(), indent=2, ensure_ascii=False) + "\n")
    print(f"\n{report.tables()}\n\nThe whole page:  less {choices.report}")
    return control.OK


def _measured(choices: Choices) -> Report:
    processors = Processors.available()
    machine = description(processors, os.getloadavg()[0])
    _say("Starting PostgreSQL, Valkey, and what is measured")
    # What is started here, wrk and the servers of the data among them, inherits these.
    with (
        pinned_to(processors.rest),
        prepared_ground() as ground,
        running_subjects(ground, processors) as subjects,
    ):
        run = Run(choices, ground, subjects, processors, _say)
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


def _say(line: str) -> None:
    print(line, flush=True)

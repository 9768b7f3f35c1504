"""The spans of jobs in a trace of `lab trace`."""

from typing import Any

from lab.trace.jobs import all_have_run, without_jobs


def _span(name: str, parent: str | None, stage: str, process: str = "app-1") -> dict[str, Any]:
    return {"id": name, "parent_id": parent, "stage": stage, "process": process}


ADDED = [_span("request", None, "app"), _span("send", "request", "queue")]
WORKER = [
    _span("wait", "send", "queued", "worker"),
    _span("process", "send", "job", "worker"),
    _span("connect", "process", "smtp", "worker"),
]


def _trace(spans: list[dict[str, Any]]) -> dict[str, Any]:
    processes = list(dict.fromkeys(span["process"] for span in spans))
    return {"spans": spans, "processes": processes, "stages": len(spans)}


def test_a_trace_is_complete_when_each_job_has_run() -> None:
    """A request that adds no job is complete at once."""
    assert all_have_run(_trace(ADDED[:1]))
    assert not all_have_run(_trace(ADDED))
    assert not all_have_run(_trace([*ADDED, WORKER[0]]))
    assert all_have_run(_trace([*ADDED, *WORKER]))


def test_the_spans_of_the_worker_are_left_out() -> None:
    """Without its spans, the worker is not among the processes."""
    shown = without_jobs(_trace([*ADDED, *WORKER]))
    assert shown == _trace(ADDED)
    assert without_jobs(shown) == shown

"""The spans of the worker in a trace. The worker sends them when it has run a job."""

from typing import Final

from lab.collector.ingest.stages import OTHER
from lab.trace.collector_client import Document

_ADDED: Final = "queue"
_RUN: Final = "job"
_OF_WORKER: Final = frozenset({"queued", _RUN})


def all_have_run(trace: Document) -> bool:
    """Return whether a worker has run each job that the request added, at least once."""
    added = {span["id"] for span in trace["spans"] if span["stage"] == _ADDED}
    run = {span["parent_id"] for span in trace["spans"] if span["stage"] == _RUN}
    return added <= run


def without_jobs(trace: Document) -> Document:
    """Return the trace without the spans of the worker."""
    hidden, kept = set[str](), []
    # A parent comes before its children.
    for span in trace["spans"]:
        if span["stage"] in _OF_WORKER or span["parent_id"] in hidden:
            hidden.add(span["id"])
        else:
            kept.append(span)
    processes = {span["process"] for span in kept}
    return {
        **trace,
        "spans": kept,
        "processes": [name for name in trace["processes"] if name in processes],
        "stages": sum(span["stage"] != OTHER for span in kept),
    }

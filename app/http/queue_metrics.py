"""Metrics of the job queue. Every process reads the same queue from PostgreSQL."""

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from app.models.jobs import QUEUES, STATES, QueueStatus


def queue_metrics(queues: QueueStatus | None) -> bytes:
    """Return the metrics in the Prometheus text format. `queues` is None if PostgreSQL is down."""
    registry = CollectorRegistry()
    up = Gauge("roundtrip_queue_up", "Whether the jobs could be counted", registry=registry)
    up.set(queues is not None)
    if queues is None:
        return generate_latest(registry)
    Gauge("roundtrip_workers", "Workers that run", registry=registry).set(queues.workers)
    labels = ("queue", "state")
    number = Gauge("roundtrip_jobs", "Jobs in the queue", labels, registry=registry)
    age = Gauge("roundtrip_oldest_job_seconds", "Age of the oldest job", labels, registry=registry)
    for queue in QUEUES:
        for state in STATES:
            number.labels(queue, state).set(0)
            age.labels(queue, state).set(0)
    for count in queues.counts:
        number.labels(count.queue, count.state).set(count.jobs)
        age.labels(count.queue, count.state).set(count.oldest_seconds)
    return generate_latest(registry)

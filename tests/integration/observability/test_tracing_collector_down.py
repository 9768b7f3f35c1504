"""A collector that is down, or that accepts connections and does not answer, delays no request."""

import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from lab.stack.config.ports import free_port
from tests.service import TIMEOUT_SECONDS, Service, running_service

# Each test waits for a timeout.
pytestmark = pytest.mark.slow


@pytest.fixture(params=["dead", "frozen"])
def unexported(
    request: pytest.FixtureRequest, defaults: Mapping[str, str], tmp_path: Path
) -> Iterator[Service]:
    """A service whose spans no collector receives."""
    with ExitStack() as stack:
        port = free_port()
        if request.param == "frozen":
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=16))
            port = listener.getsockname()[1]
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
            "OTEL_BSP_SCHEDULE_DELAY": "10",
            "OTEL_BSP_MAX_QUEUE_SIZE": "50",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "10",
        }
        yield stack.enter_context(running_service(tmp_path / "log", {**defaults, **settings}))


def test_no_request_and_no_shutdown_waits_for_a_collector(unexported: Service) -> None:
    """Each request takes less than 1 s, and the process ends within 5 s.

    Only one line of the log is about the failed export.
    """
    slowest = 0.0
    for _ in range(60):
        started = time.perf_counter()
        assert unexported.client.get("/api/products").status_code == 200
        slowest = max(slowest, time.perf_counter() - started)
    assert slowest < 1
    unexported.process.send_signal(signal.SIGTERM)
    started = time.perf_counter()
    assert unexported.process.wait(TIMEOUT_SECONDS) == 0
    assert time.perf_counter() - started < 5
    lines = [line for line in unexported.log.read_text().splitlines() if '"request"' not in line]
    assert len([line for line in lines if "xport" in line or "Queue" in line]) == 1

"""Health checks and metrics."""

import signal
import time

import httpx2

from tests.accounts import Account
from tests.conftest import StartService
from tests.integration.wire import problem


def test_livez_returns_200(client: httpx2.Client) -> None:
    """The response names no dependency, and must not be cached."""
    response = client.get("/livez")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})
    assert response.headers["Cache-Control"] == "no-store"


def test_readyz_reports_each_dependency(client: httpx2.Client) -> None:
    """PostgreSQL and Redis are both up."""
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "ready", "postgres": "up", "redis": "up"}
    assert response.headers["Cache-Control"] == "no-store"


def test_readyz_refuses_to_exclude_an_unknown_dependency(client: httpx2.Client) -> None:
    """If unknown names were ignored, a typing error in the URL of a probe would stay unnoticed."""
    for query in ("exclude=postgres", "exclude=redis", "exclude=postgres&exclude=redis"):
        assert client.get(f"/readyz?{query}").status_code == 200
    refused = problem(client.get("/readyz?exclude=postgrse"), 422, "invalid-content")
    assert refused["errors"][0]["parameter"].startswith("exclude")
    assert "postgrse" not in str(refused)


def test_readyz_returns_503_before_the_process_ends(start_service: StartService) -> None:
    """An open connection gets the 503 of /readyz, too. Other requests still succeed."""
    service = start_service(DRAIN_DELAY="1.5")
    service.client.get("/readyz").raise_for_status()
    service.process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + 1
    while (response := service.client.get("/readyz")).status_code == 200:
        assert time.monotonic() < deadline
    document = problem(response, 503, "not-ready")  # check F15
    assert int(response.headers["Retry-After"]) >= 1
    assert "end" in document["detail"]
    service.client.get("/livez").raise_for_status()


def test_metrics_count_requests_by_route(client: httpx2.Client, shared_user: Account) -> None:
    """The labels are route templates and never paths, so the number of series is limited."""
    client.get(shared_user.url, headers=shared_user.auth).raise_for_status()
    client.get("/an-unknown-path")
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    assert response.headers["Cache-Control"] == "no-store"
    count = 'http_request_duration_seconds_count{method="GET",route="%s",status="%d"}'
    assert count % ("/api/users/{user_id}", 200) in response.text
    assert count % ("none", 404) in response.text
    assert "an-unknown-path" not in response.text
    assert shared_user.url not in response.text
    assert "process_resident_memory_bytes" in response.text

"""Sends spans to a collector, and checks the problems that it returns."""

from typing import Any

import httpx2

from tests.otlp import PROTOBUF, request


def send_spans(collector: httpx2.Client, *spans: Any) -> httpx2.Response:
    """Send spans as the service does."""
    body = request("roundtrip", *spans, instance="app-1")
    return collector.post("/v1/traces", content=body, headers=PROTOBUF)


def is_problem(response: httpx2.Response, status: int, code: str) -> bool:
    """Assert that a problem is complete, and return whether it has this status and code."""
    problem = response.json()
    assert response.headers["Content-Type"] == "application/problem+json", response.text
    assert problem["instance"] == f"#{problem['request_id']}"
    assert response.headers["X-Request-ID"] == problem["request_id"]
    assert problem["detail"].endswith((".", "protobuf"))
    return (response.status_code, problem["status"], problem["code"]) == (status, status, code)

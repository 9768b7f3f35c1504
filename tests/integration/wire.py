"""Helpers for tests of the HTTP contract: problems, raw sockets, concurrent requests, the log."""

import json
import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from lab.stack.processes.waiting import wait_until
from tests.service import Service

T = TypeVar("T")
Operations = list[tuple[str, str, dict[str, Any]]]

JSON = {"Content-Type": "application/json"}
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id"}


def problem(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """Assert that a response is a complete problem document with these values, and return it."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert set(document) - {"errors"} == _MEMBERS
    assert ("errors" in document) == (code == "invalid-content")
    assert document["code"] == code
    assert document["type"] == f"/problems/{code}"
    assert document["status"] == status
    assert document["request_id"] == response.headers["X-Request-ID"]
    assert document["title"]
    assert document["detail"]
    return document


def pointers(response: httpx2.Response) -> list[str]:
    """Assert that a body was refused with 422, and return the JSON Pointers of its errors."""
    return [error["pointer"] for error in problem(response, 422, "invalid-content")["errors"]]


def comparable(response: httpx2.Response) -> tuple[int, bytes, dict[str, str]]:
    """Return status, body and headers, without the headers that differ in any two responses."""
    changing = {"date", "ratelimit"}
    headers = {name: value for name, value in response.headers.items() if name not in changing}
    return response.status_code, response.content, headers


def remaining_requests(response: httpx2.Response) -> int:
    """Return how many requests the first limit in `RateLimit` still allows."""
    return int(response.headers["RateLimit"].partition(";r=")[2].partition(";")[0])


def operations_of(document: dict[str, Any]) -> Operations:
    """Return the method, the path and the description of each operation in an OpenAPI document."""
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def exchange(service: Service, request: bytes) -> bytes:
    """Send these bytes. Return all that the service sends until it closes the connection."""
    with socket.create_connection(service.address(), timeout=10) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def raw_status(response: bytes) -> int:
    """Return the status of a raw response."""
    return int(response.split(b" ", 2)[1])


def at_once(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Make all calls at the same time, and return their results."""
    listed = list(calls)
    with ThreadPoolExecutor(max_workers=len(listed)) as threads:
        return list(threads.map(lambda call: call(), listed))


def statuses(responses: Iterable[httpx2.Response]) -> dict[int, int]:
    """Count responses by status."""
    found = [response.status_code for response in responses]
    return {status: found.count(status) for status in sorted(set(found))}


def log_with(service: Service, *texts: str) -> str:
    """Wait until the log contains all these texts, and return the whole log.

    The service may write a log line after it has sent the response.
    """
    return text_with(service.log, *texts)


def text_with(file: Path, *texts: str, timeout_seconds: float = 5) -> str:
    """Wait until a log contains all these texts, and return the whole log."""
    wait_until(lambda: all(it in file.read_text() for it in texts), timeout_s=timeout_seconds)
    log = file.read_text()
    assert all(it in log for it in texts), f"not all of {texts} are in:\n{log[-2000:]}"
    return log


def log_lines(service: Service, request_id: str) -> list[dict[str, Any]]:
    """Wait until a request has ended, and return its log lines."""

    def lines() -> list[dict[str, Any]]:
        found = [line for line in service.log.read_text().splitlines() if request_id in line]
        return [json.loads(line) for line in found]

    def has_ended() -> bool:
        return any(line["event"] == "request" for line in lines())

    assert wait_until(has_ended, timeout_s=5), f"the request has not ended: {lines()}"
    return lines()


def access_log_line(service: Service, request_id: str) -> dict[str, Any]:
    """Wait until a request has ended, and return its log line `request`.

    On a slow machine, a request may have other log lines, with warnings about Redis.
    """
    (line,) = [line for line in log_lines(service, request_id) if line["event"] == "request"]
    return line

"""`lab trace` against a real stack: its figures, what it shows, and what the collector adds."""

import json
import secrets
import statistics
import subprocess
from typing import Any

import pytest

from tests.e2e.local_stack import LocalStack

# What a shell of the test run may say about collectors and proxies.
WITHOUT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "", "http_proxy": "", "https_proxy": ""}
PASSWORD = "correct horse battery"
ROUNDS = 31


def traced(stack: LocalStack, *arguments: str) -> list[dict[str, Any]]:
    """Run it with `--json`; the documents."""
    result = stack.run("trace", "--json", *arguments, **WITHOUT)
    assert result.returncode == 0, result.stdout
    return [json.loads(line) for line in result.stdout.splitlines()]


def signup() -> list[str]:
    """Return the items of somebody new."""
    return ["name=Ahmed", f"email={secrets.token_hex(8)}@example.com", f"password={PASSWORD}"]


def test_a_path_alone_is_the_running_stacks_and_https_is_trusted(stack: LocalStack) -> None:
    """Somebody signs up over TLS, by the authority of the stack; six stages and their root."""
    (document,) = traced(stack, "POST", "/api/users", *signup())
    assert document["status"] == 201
    assert document["response"]["body"]["name"] == "Ahmed"
    stages = [span["stage"] for span in document["spans"] if span["process"] == "client"]
    assert set(stages) == {"request", "dns", "connect", "tls", "send", "wait", "receive"}
    root = document["spans"][0]
    assert root["attributes"]["url.full"] == f"https://localhost:{stack.https_port}/api/users"
    assert PASSWORD not in json.dumps(document)


def test_the_second_request_on_a_connection_has_no_handshake(stack: LocalStack) -> None:
    """And its cache entry is there: `--repeat 2` shows what that takes away."""
    result = stack.run("trace", "--repeat", "2", "/api/products", "limit==7", **WITHOUT)
    assert result.returncode == 0, result.stdout
    second = result.stdout.splitlines()[-2].split()
    assert second[:5] == ["2", "200", "-", "-", "-"]
    assert second[9] == "hit"


def test_the_request_is_known_to_the_service_under_the_same_ids(stack: LocalStack) -> None:
    """What was sent as X-Request-ID comes back, and the log has the trace's id."""
    (document,) = traced(stack, "/api/products")
    headers = {name.lower(): value for name, value in document["response"]["headers"]}
    assert headers["x-request-id"] == document["request_id"]
    log = (stack.directory / "logs" / "stack.log").read_text()
    assert document["trace_id"] in log


def test_the_servers_stages_are_joined_by_the_collector(stack: LocalStack) -> None:
    """Client, load balancer and an app process in one trace, down to the SQL."""
    if stack.request("GET", "/lab/api/traces").status != 200:
        pytest.skip("this stack has no collector")
    unnamed = []
    for _ in range(3):
        (document,) = traced(stack, "POST", "/api/users", *signup())
        assert document["joined"] is True
        assert {"client", "load-balancer"} < set(document["processes"])
        stages = {span["stage"] for span in document["spans"]}
        assert {"wait", "load-balancer", "app", "hash", "sql", "commit"} <= stages
        assert len(stages) >= 14
        assert PASSWORD not in json.dumps(document["spans"])
        unnamed.append(document["unnamed_ms"] / document["duration_ms"])
    # A machine that does something else for a moment has no name for it either.
    assert min(unnamed) <= 0.1, unnamed


@pytest.mark.xfail(
    strict=False,
    reason="Beside the start of a whole Python the service itself is slower, as its Server-Timing "
    "says, than when curl asks it: the two do not measure the same answers.",
)
@pytest.mark.alone
def test_the_figures_agree_with_curls(stack: LocalStack) -> None:
    """Both sign people up in turn: the medians agree within 10 %, the whole's and the answer's.

    To the first byte curl counts from the handshake's end, in which it also sets OpenSSL up.
    """
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(lab_trace(stack))
        theirs.append(curl(stack))
    for name, mine, curls in (
        ("whole", [one[0] for one in ours], [one[0] for one in theirs]),
        ("to the first byte", [one[1] for one in ours], [one[1] for one in theirs]),
    ):
        medians = statistics.median(mine), statistics.median(curls)
        print(f"{name}: lab trace {medians[0]:.2f} ms, curl {medians[1]:.2f} ms")
        assert medians[0] == pytest.approx(medians[1], rel=0.1), name


def lab_trace(stack: LocalStack) -> tuple[float, float]:
    """Sign somebody up: the sum of the stages, and the time from the request to the first byte."""
    # Nobody listens at port 9: what the collector does would be in curl's figures.
    (document,) = traced(
        stack, "--collector", "http://127.0.0.1:9", "POST", "/api/users", *signup()
    )
    assert document["status"] == 201
    took = {span["stage"]: span["duration_ms"] for span in document["spans"]}
    return sum(took.values()) - took["request"], took["send"] + took["wait"]


def curl(stack: LocalStack) -> tuple[float, float]:
    """Do the same with curl, and return the same."""
    body = dict(item.split("=", 1) for item in signup())
    result = subprocess.run(
        [
            "curl", "--silent", "--http1.1", "--output", "/dev/null", "--noproxy", "*",
            "--cacert", str(stack.directory / "ca.crt"), "--json", json.dumps(body),
            "--write-out", "%{http_code} %{time_total} %{time_pretransfer} %{time_starttransfer}",
            f"https://localhost:{stack.https_port}/api/users",
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    status, total, sent, first_byte = result.stdout.split()
    assert status == "201"
    return float(total) * 1000, (float(first_byte) - float(sent)) * 1000

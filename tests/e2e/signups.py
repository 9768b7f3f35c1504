"""The items of a signup, and one signup over HTTPS that `lab trace` or curl measures."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any, NamedTuple

from lab.trace.output.server_timing import server_timing
from tests.accounts import signup_body
from tests.e2e.local_stack import LocalStack

# With these values, a collector and proxies in the environment of the test run have no effect.
WITHOUT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "", "http_proxy": "", "https_proxy": ""}


class Figures(NamedTuple):
    """How long one signup took, in milliseconds."""

    whole: float
    # Measured from the end of the TLS handshake, because curl may record the start of the request
    # too late.
    to_first_byte: float
    # Measured by the service.
    endpoint: float


def signup_items(**changes: str) -> list[str]:
    """Return the fields of a valid signup, as `lab trace` takes them."""
    return [f"{name}={value}" for name, value in signup_body(**changes).items()]


def traced(stack: LocalStack, *arguments: str) -> list[dict[str, Any]]:
    """Run `lab trace --json`, and return the documents that it prints."""
    output = stack.succeed("trace", "--json", *arguments, **WITHOUT)
    return [json.loads(line) for line in output.splitlines()]


def lab_trace(stack: LocalStack) -> Figures:
    """Sign up with `lab trace`, and return the times of the client's stages."""
    # Nothing listens on port 9, so no collector gets the spans. A collector's work would slow down
    # the next measurement by curl.
    (document,) = traced(
        stack, "--collector", "http://127.0.0.1:9", "POST", "/api/users", *signup_items()
    )
    assert document["status"] == 201
    # The document also has the service's stages from Server-Timing. Their time is part of `wait`.
    clients = [span for span in document["spans"] if span["process"] == "client"]
    took = {span["stage"]: span["duration_ms"] for span in clients if span["stage"] != "request"}
    headers = {name.lower(): value for name, value in document["response"]["headers"]}
    return Figures(sum(took.values()), took["send"] + took["wait"], _endpoint(headers))


def curl(stack: LocalStack) -> Figures:
    """Sign up with curl, and return the same times as `lab_trace` does."""
    result = subprocess.run(
        [
            "curl", "--silent", "--http1.1", "--output", "/dev/null", "--noproxy", "*",
            "--cacert", str(stack.directory / "ca.crt"), "--json", json.dumps(signup_body()),
            "--dump-header", "/dev/stderr",
            "--write-out", "%{http_code} %{time_total} %{time_appconnect} %{time_starttransfer}",
            f"https://localhost:{stack.https_port}/api/users",
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    status, *seconds = result.stdout.split()
    assert status == "201"
    whole, secured, first_byte = (float(one) * 1000 for one in seconds)
    lines = (line.partition(": ") for line in result.stderr.splitlines())
    headers = {name.lower(): value for name, _, value in lines}
    return Figures(whole, first_byte - secured, _endpoint(headers))


def _endpoint(headers: Mapping[str, str]) -> float:
    """Return the time of the router's function, in milliseconds, from Server-Timing."""
    took = {entry["stage"]: entry for entry in server_timing(headers["server-timing"], "")}
    return float(took["endpoint"]["duration_ms"])

"""`lab trace` with a real stack: its times, its output, docs/trace.md, and the server's spans."""

import json
import statistics
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.accounts import PASSWORD
from tests.e2e.local_stack import LocalStack
from tests.e2e.pages import Terminal, blocks_of
from tests.e2e.signups import WITHOUT, Figures, curl, lab_trace, signup_items, traced
from tests.machine import Pauses, pauses, too_slow
from tests.service import CHECKOUT

APPS = ("app-1", "app-2")
A_TENTH = 0.1
ROUNDS = 25
# After so many signups, the load balancer has almost certainly chosen both processes.
MAX_SIGNUPS = 40
# After this time, the spans of the previous response have been sent (`lab.stack.config.telemetry`).
SETTLED_AFTER_SECONDS = 0.3


def test_a_path_alone_goes_to_the_running_stack_over_trusted_https(stack: LocalStack) -> None:
    """The client trusts the stack's certificate. The trace has a root and six client stages."""
    (document,) = traced(stack, "POST", "/api/users", *signup_items())
    assert document["status"] == 201
    assert document["response"]["body"]["name"] == "Ahmed"
    stages = [span["stage"] for span in document["spans"] if span["process"] == "client"]
    assert set(stages) == {"request", "dns", "connect", "tls", "send", "wait", "receive"}
    root = document["spans"][0]
    assert root["attributes"]["url.full"] == f"https://localhost:{stack.https_port}/api/users"
    assert PASSWORD not in json.dumps(document)


def test_the_second_request_on_a_connection_has_no_handshake(stack: LocalStack) -> None:
    """`--repeat 2` sends two requests on one connection. The second response is from the cache."""
    output = stack.succeed("trace", "--repeat", "2", "/api/products", "limit==7", **WITHOUT)
    second = output.splitlines()[-2].split()
    assert second[:5] == ["2", "200", "-", "-", "-"]
    assert second[9] == "hit"


def test_two_signups_of_make_trace_in_the_same_second_do_not_collide(stack: LocalStack) -> None:
    """Each signup has its own email address."""
    make = ["make", "--no-print-directory", "trace", "ARGS=--print h"]
    running = [
        subprocess.Popen(
            make, cwd=CHECKOUT, env=dict(stack.environment), stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    outputs = [process.communicate(timeout=120)[0] for process in running]
    assert [output.splitlines()[0] for output in outputs] == ["HTTP/1.1 201 Created"] * 4


def test_the_service_uses_the_clients_request_id_and_trace_id(stack: LocalStack) -> None:
    """The response has the same X-Request-ID, and the log has the trace id."""
    (document,) = traced(stack, "/api/products")
    headers = {name.lower(): value for name, value in document["response"]["headers"]}
    assert headers["x-request-id"] == document["request_id"]
    log = (stack.directory / "logs" / "stack.log").read_text()
    assert document["trace_id"] in log


def test_the_collector_joins_the_servers_stages(stack: LocalStack) -> None:
    """One trace has the spans of the client, the load balancer and the app, including its SQL."""
    assert stack.request("GET", "/lab/api/traces").status == 200
    untraced_parts = []
    for _ in range(5):
        (document,) = traced(stack, "POST", "/api/users", *signup_items())
        assert document["joined"] is True
        assert {"client", "load-balancer"} < set(document["processes"])
        systems = {span["attributes"].get("db.system.name") for span in document["spans"]}
        assert {"postgresql", "redis"} <= systems
        stages = {span["stage"] for span in document["spans"]}
        assert {"wait", "load-balancer", "app", "hash", "sql", "commit"} <= stages
        assert len(stages) >= 14
        assert PASSWORD not in json.dumps(document["spans"])
        untraced_parts.append(untraced_part(document))
    # The median, because a pause of the machine is also an untraced gap.
    assert statistics.median(untraced_parts) <= A_TENTH, untraced_parts


@pytest.mark.parametrize(
    ("path", "servers"),
    [("/livez", ["load-balancer"]), ("/readyz", ["load-balancer"]), ("/metrics", []), ("/lab", [])],
)
def test_lab_trace_waits_for_every_process_that_traces_a_path(
    stack: LocalStack, path: str, servers: list[str]
) -> None:
    """`lab trace` shows the spans of every process that sends spans. No spans arrive later."""
    (document,) = traced(stack, path)
    assert document["processes"] == ["client", *servers]
    assert document["joined"] is bool(servers)
    time.sleep(SETTLED_AFTER_SECONDS)
    later = stack.request("GET", f"/lab/api/traces/{document['trace_id']}").json()
    assert later["processes"] == document["processes"]


@pytest.mark.slow
def test_the_trace_page_shows_real_outputs(stack: LocalStack, tmp_path: Path) -> None:
    """Every command of docs/trace.md prints what the page shows."""
    assert Terminal(stack, tmp_path).run_and_compare(blocks_of("docs/trace.md")) == 4


@pytest.mark.alone
def test_the_largest_untraced_gap_of_a_signup_is_at_most_a_tenth(
    unlimited_stack: LocalStack,
) -> None:
    """The limit is a tenth of the signup's time, even for the first signup of each process."""
    signups = signups_of_both_processes(unlimited_stack)
    documents = [document for document, _ in signups]
    firsts = [next(it for it in documents if it["processes"][-1] == app) for app in APPS]
    usual_part = statistics.median(untraced_part(it) for it in documents if it not in firsts)
    worst, machine = max(signups, key=lambda signup: untraced_part(signup[0]))
    if untraced_part(worst) > A_TENTH:
        figures = f"{worst['untraced_ms']:.1f} ms of {worst['duration_ms']:.1f} ms are untraced"
        waited_ms = max(machine.longest_ms, machine.total_ms)
        if worst["untraced_ms"] <= waited_ms:
            too_slow(f"{figures}, and processes waited {waited_ms:.1f} ms for a processor")
        # Only the first signup of a process does extra work.
        if worst not in firsts and usual_part <= A_TENTH:
            too_slow(f"{figures}, and of the median signup {usual_part:.1%}")
    assert untraced_part(worst) <= A_TENTH


def signups_of_both_processes(stack: LocalStack) -> list[tuple[dict[str, Any], Pauses]]:
    """Send ten signups, and then more until both processes have answered a signup."""
    signups: list[tuple[dict[str, Any], Pauses]] = []
    for _ in range(MAX_SIGNUPS):
        with pauses() as machine:
            (document,) = traced(stack, "POST", "/api/users", *signup_items())
        signups.append((document, machine))
        process, part = document["processes"][-1], untraced_part(document)
        print(f"{process}: {part:.1%} of {document['duration_ms']:.1f} ms")
        processes = {document["processes"][-1] for document, _ in signups}
        assert processes <= set(APPS), "no app process has sent spans"
        if len(signups) >= 10 and len(processes) == len(APPS):
            return signups
    pytest.fail(f"{processes} answered all of {MAX_SIGNUPS} signups.")


def untraced_part(document: dict[str, Any]) -> float:
    """Return the largest untraced gap as a fraction of the whole request."""
    return float(document["untraced_ms"] / document["duration_ms"])


@pytest.mark.alone
def test_the_times_agree_with_those_of_curl(stack: LocalStack) -> None:
    """`lab trace` and curl sign up in turn; their times agree within 10 % of a signup's duration.

    The time that the endpoint needs varies by more than 10 %, for example because of the disk. So
    the test subtracts the endpoint time, which each response contains, and compares the rest.
    """
    ours: list[Figures] = []
    theirs: list[Figures] = []
    turns = [(ours, lab_trace), (theirs, curl)]
    for _ in range(ROUNDS):
        for figures, sign_up in turns:
            time.sleep(SETTLED_AFTER_SECONDS)
            figures.append(sign_up(stack))
        # Reverse the order, so that each client runs after itself as often as after the other one.
        turns.reverse()
    whole = [lower_quartile(it.whole for it in figures) for figures in (ours, theirs)]
    for name in ("whole", "to_first_byte"):
        of_lab_trace, of_curl = (
            lower_quartile(getattr(it, name) - it.endpoint for it in figures)
            for figures in (ours, theirs)
        )
        print(
            f"{name} without the endpoint: lab trace {of_lab_trace:.2f} ms, curl {of_curl:.2f} ms"
        )
        assert of_lab_trace == pytest.approx(of_curl, abs=whole[1] / 10), name
    print(f"whole: lab trace {whole[0]:.2f} ms, curl {whole[1]:.2f} ms")


def lower_quartile(milliseconds: Iterable[float]) -> float:
    """Return the lower quartile, because other work on this machine hardly changes it."""
    return statistics.quantiles(milliseconds, n=4)[0]

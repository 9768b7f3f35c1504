"""`lab trace` against a real stack: its figures, what it shows, and what the collector adds."""

import json
import statistics
import time
from collections.abc import Iterable
from typing import Any

import pytest

from lab.stack.stack import APPS
from tests.e2e.local_stack import LocalStack
from tests.e2e.signups import PASSWORD, WITHOUT, Figures, curl, lab_trace, signup, traced
from tests.machine import pauses, too_slow

A_TENTH = 0.1
ROUNDS = 25
# The load balancer chooses: it is all but certain that by then it has chosen both processes.
MOST_SIGNUPS = 40
# By then the spans of the answer before have gone out (`lab.stack.telemetry`).
SETTLED_AFTER_S = 0.3


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
    assert stack.request("GET", "/lab/api/traces").status == 200
    unnamed = []
    for _ in range(5):
        (document,) = traced(stack, "POST", "/api/users", *signup())
        assert document["joined"] is True
        assert {"client", "load-balancer"} < set(document["processes"])
        systems = {span["attributes"].get("db.system.name") for span in document["spans"]}
        assert {"postgresql", "redis"} <= systems
        stages = {span["stage"] for span in document["spans"]}
        assert {"wait", "load-balancer", "app", "hash", "sql", "commit"} <= stages
        assert len(stages) >= 14
        assert PASSWORD not in json.dumps(document["spans"])
        unnamed.append(unnamed_part(document))
    # A machine that does something else for a moment has no name for it either.
    assert statistics.median(unnamed) <= A_TENTH, unnamed


@pytest.mark.parametrize(
    ("path", "others"),
    [("/livez", ["load-balancer"]), ("/readyz", ["load-balancer"]), ("/metrics", []), ("/lab", [])],
)
def test_of_what_is_not_traced_no_more_is_shown_than_there_is(
    stack: LocalStack, path: str, others: list[str]
) -> None:
    """What `lab trace` knows of the paths of a stack is true: it waits for nobody else's spans."""
    (document,) = traced(stack, path)
    assert document["processes"] == ["client", *others]
    assert document["joined"] is bool(others)
    time.sleep(SETTLED_AFTER_S)
    later = stack.request("GET", f"/lab/api/traces/{document['trace_id']}").json()
    assert later["processes"] == document["processes"]


@pytest.mark.alone
def test_no_signup_has_a_tenth_of_it_without_a_name(unlimited_stack: LocalStack) -> None:
    """Not even the first one after a start, nor the first one of the other process."""
    with pauses() as machine:
        documents = signups_of_both_processes(unlimited_stack)
    firsts = [next(it for it in documents if it["processes"][-1] == app) for app in APPS]
    usual_part = statistics.median(unnamed_part(it) for it in documents if it not in firsts)
    worst = max(documents, key=unnamed_part)
    if unnamed_part(worst) > A_TENTH:
        figures = f"{worst['unnamed_ms']:.1f} ms of {worst['duration_ms']:.1f} ms are untraced"
        if worst["unnamed_ms"] <= machine.longest_ms:
            too_slow(f"{figures}, and a processor paused for {machine.longest_ms:.1f} ms")
        # Only the first signup of a process does extra work.
        if worst not in firsts and usual_part <= A_TENTH:
            too_slow(f"{figures}, and of the median signup {usual_part:.1%}")
    assert unnamed_part(worst) <= A_TENTH


def signups_of_both_processes(stack: LocalStack) -> list[dict[str, Any]]:
    """Sign ten people up, and more until both processes have answered."""
    found: list[dict[str, Any]] = []
    for _ in range(MOST_SIGNUPS):
        (document,) = traced(stack, "POST", "/api/users", *signup())
        found.append(document)
        process, part = document["processes"][-1], unnamed_part(document)
        print(f"{process}: {part:.1%} of {document['duration_ms']:.1f} ms")
        processes = {document["processes"][-1] for document in found}
        assert processes <= set(APPS), "no app process has told what it did"
        if len(found) >= 10 and len(processes) == len(APPS):
            return found
    pytest.fail(f"Of {MOST_SIGNUPS} signups, all have been answered by {processes}.")


def unnamed_part(document: dict[str, Any]) -> float:
    """Return the longest stretch without a name, as a part of the whole."""
    return float(document["unnamed_ms"] / document["duration_ms"])


@pytest.mark.alone
def test_the_figures_agree_with_curls(stack: LocalStack) -> None:
    """Both sign people up in turn: their figures agree within 10 % of a signup's length.

    One answer takes longer than the next by more than that, for the disk's sake and others', and
    says itself how long its endpoint took. What else is in the figures is what can differ.
    """
    ours: list[Figures] = []
    theirs: list[Figures] = []
    turns = [(ours, lab_trace), (theirs, curl)]
    for _ in range(ROUNDS):
        for figures, sign_up in turns:
            time.sleep(SETTLED_AFTER_S)
            figures.append(sign_up(stack))
        # Each comes after the other as often as after itself.
        turns.reverse()
    whole = [quiet(one.whole for one in figures) for figures in (ours, theirs)]
    for name in ("whole", "to_first_byte"):
        mine, curls = (
            quiet(getattr(one, name) - one.endpoint for one in figures)
            for figures in (ours, theirs)
        )
        print(f"{name} without the endpoint: lab trace {mine:.2f} ms, curl {curls:.2f} ms")
        assert mine == pytest.approx(curls, abs=whole[1] / 10), name
    print(f"whole: lab trace {whole[0]:.2f} ms, curl {whole[1]:.2f} ms")


def quiet(milliseconds: Iterable[float]) -> float:
    """Return the lower quartile: what nothing else on this machine has disturbed much."""
    return statistics.quantiles(milliseconds, n=4)[0]

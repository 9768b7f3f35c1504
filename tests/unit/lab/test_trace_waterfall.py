"""A trace drawn for a person, and what Server-Timing adds to it."""

import pytest

from lab.trace.document import longest_gap
from lab.trace.paper import Paper
from lab.trace.server_timing import server_timing
from lab.trace.waterfall import repetitions, waterfall
from tests.trace_peers import joined_document, span

DOCUMENT = {
    **joined_document("client", "app-1"),
    "joined": True,
    "spans": [
        span("request", "client", 0.0, 100.0, 0),
        span("dns", "client", 0.0, 1.0, 1, attributes={"dns.answers": ["::1", "127.0.0.1"]}),
        span("wait", "client", 1.0, 98.0, 1),
        span("load-balancer", "load-balancer", 2.0, 90.0, 2),
        span("app", "app-1", 10.0, 80.0, 3, attributes={"http.route": "/api/users"}),
        span("cache", "app-1", 11.0, 1.0, 4, attributes={"roundtrip.cache": "miss"}),
        span("redis", "app-1", 11.2, 0.5, 5, attributes={"db.operation.name": "GET"}),
        span("sql", "app-1", 50.0, 25.0, 4, attributes={
            "db.query.text": "INSERT INTO users\n\t(name) VALUES ($1)\x1b[31m RETURNING id"
        }),
        span("receive", "client", 99.0, 1.0, 1, error=True,
             attributes={"error.type": "TimeoutError"}),
    ],
}  # fmt: skip


def test_each_stage_is_a_line_with_its_bar_where_it_was() -> None:
    """Process, stage, start, duration, the bar to scale, and what it did."""
    lines = list(waterfall(DOCUMENT, Paper(width=110)))
    assert [line.split()[:2] for line in lines[2:11]] == [
        ["client", "request"],
        ["client", "dns"],
        ["client", "wait"],
        ["load-balancer", "load-balancer"],
        ["app-1", "app"],
        ["app-1", "cache"],
        ["app-1", "redis"],
        ["app-1", "sql"],
        ["client", "receive"],
    ]
    sql = lines[9]
    bar = sql[48:72]
    assert (len(bar) - len(bar.lstrip()), len(bar.strip())) == (12, 6)
    assert "50.0     25.0" in sql
    assert "INSERT INTO users (name) VALUES" in sql
    assert lines[3].endswith("::1, 127.0.0.1")
    assert lines[7].endswith("miss")
    assert lines[10].endswith("TimeoutError")


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("blocks", [True, False], ids=["unicode", "ascii"])
def test_no_line_is_wider_than_the_terminal(*, width: int, blocks: bool) -> None:
    """From 80 columns on; below that the columns keep their width and the lines are longer."""
    lines = list(waterfall(DOCUMENT, Paper(width=width, blocks=blocks)))
    assert all(len(line) <= max(width, 80) for line in lines)
    if not blocks:
        assert all(line.isascii() for line in lines)


def test_nothing_that_steers_a_terminal_gets_through() -> None:
    """Whatever a server puts in a span."""
    assert all(line.isprintable() for line in waterfall(DOCUMENT, Paper(width=300)))


def test_colours_are_for_terminals_that_want_them() -> None:
    """A failed stage is red; without colours there is not a single escape."""
    coloured = list(waterfall(DOCUMENT, Paper(colours=True)))
    assert "\033[31m" in coloured[10]
    assert "\033" not in "".join(waterfall(DOCUMENT, Paper()))


def test_the_sum_says_what_the_client_took_and_what_has_no_name() -> None:
    """The server's stages lie within `wait`, and are not counted twice."""
    text = " ".join("\n".join(waterfall(DOCUMENT, Paper(width=200))).split())
    assert "sum dns 1.0 + wait 98.0 + receive 1.0 = 100.0 of 100.0 ms" in text
    assert "without a name: 3.0 ms" in text


def test_the_second_line_says_what_was_saved() -> None:
    """A dash where nothing had to be done, and how many milliseconds less that took."""
    warm = {**DOCUMENT, "duration_ms": 40.0, "cache": "hit", "spans": DOCUMENT["spans"][2:]}
    head, first, second, note = repetitions([DOCUMENT, warm], [False, True])
    assert head.split() == [
        "status", "dns", "connect", "tls", "send", "wait", "receive", "ms", "cache"
    ]  # fmt: skip
    assert first.split() == ["1", "200", "1.0", "-", "-", "-", "98.0", "1.0", "100.0", "-"]
    assert second.split() == [
        "2", "200", "-", "-", "-", "-", "98.0", "1.0", "40.0", "hit", "60.0", "less"
    ]  # fmt: skip
    assert "kept" in note
    assert max(map(len, (head, first, second, note))) <= 82


def test_server_timing_becomes_stages_without_a_start() -> None:
    """Durations and descriptions, quoted or not; what has no duration is no stage."""
    header = 'app;dur=12.5, sql;desc="INSERT, users";dur=3, cache;desc=hit, odd;dur=x, =;dur=1'
    found = server_timing(header, "parent")
    assert [(e["stage"], e["duration_ms"], e["start_ms"]) for e in found] == [
        ("app", 12.5, None),
        ("sql", 3.0, None),
    ]
    assert found[1]["attributes"]["description"] == "INSERT, users"
    assert server_timing(None, "parent") == []


def test_the_longest_stretch_without_a_name_may_be_at_either_end() -> None:
    """Before, between, after; overlapping stages count once."""
    stages = [span("a", "client", 1.0, 4.0, 1), span("b", "client", 2.0, 1.0, 1)]
    assert longest_gap(stages, 10.0) == 5.0
    assert longest_gap([span("a", "client", 6.0, 4.0, 1)], 10.0) == 6.0
    assert longest_gap([*stages, span("c", "client", 8.0, 2.0, 1)], 10.0) == 3.0

"""The waterfall of a trace, and the stages in Server-Timing."""

import pytest

from lab.trace.output.output_style import OutputStyle
from lab.trace.output.server_timing import server_timing
from lab.trace.output.waterfall import repetitions, waterfall
from tests.unit.lab.trace.trace_peers import joined_document, span

DOCUMENT = {
    **joined_document("client", "app-1"),
    "joined": True,
    "page": "http://localhost:8080/lab#trace=4bf92f3577b34da6a3ce929d0e0e4736",
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


def test_each_stage_is_a_line_with_a_bar_at_its_time() -> None:
    """The line has the process, stage, start, duration, a bar to scale, and what the stage did."""
    lines = list(waterfall(DOCUMENT, OutputStyle(width=110)))
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
def test_no_line_is_wider_than_the_terminal_or_80_columns(*, width: int, blocks: bool) -> None:
    """On a terminal of fewer than 80 columns, the table keeps a width of 80 columns."""
    lines = list(waterfall(DOCUMENT, OutputStyle(width=width, blocks=blocks)))
    assert all(len(line) <= max(width, 80) for line in lines)
    if not blocks:
        assert all(line.isascii() for line in lines)


@pytest.mark.parametrize(
    ("file", "error"),
    [
        ("app/adapters/redis/rate_limiter.py", None),
        ("app/services/password_resets.py", None),
        ("app/adapters/redis/client.py", "ConnectionError"),
    ],
)
@pytest.mark.parametrize("blocks", [True, False], ids=["unicode", "ascii"])
def test_a_line_of_source_code_keeps_its_file_and_number(
    file: str, error: str | None, *, blocks: bool
) -> None:
    """At 80 columns, the directories do not fit, and an ellipsis replaces a part of them."""
    code = {"file": file, "line": 123, "function": "f"}
    attributes = {"error.type": error} if error else {}
    place = span("session", "app-1", 10.0, 80.0, 3, code=code, attributes=attributes)
    document = {**DOCUMENT, "spans": [*DOCUMENT["spans"], place]}
    (line,) = (it for it in waterfall(document, OutputStyle(blocks=blocks)) if "session" in it)
    assert line.endswith(f"{file.rpartition('/')[2]}:123")
    assert len(line) <= 80
    assert file not in line


def test_the_last_line_is_the_address_of_the_trace_on_the_page() -> None:
    """Without a page that shows the trace, there is no such line."""
    last = list(waterfall(DOCUMENT, OutputStyle()))[-1]
    assert last == f"page {DOCUMENT['page']}"
    assert "page " not in "".join(waterfall({**DOCUMENT, "page": None}, OutputStyle()))


def test_control_characters_are_removed() -> None:
    """A server can put any text in a span."""
    assert all(line.isprintable() for line in waterfall(DOCUMENT, OutputStyle(width=300)))


def test_only_a_style_with_colours_has_escape_sequences() -> None:
    """With colours, a failed stage is red."""
    coloured = list(waterfall(DOCUMENT, OutputStyle(colours=True)))
    assert "\033[31m" in coloured[10]
    assert "\033" not in "".join(waterfall(DOCUMENT, OutputStyle()))


def test_the_sum_has_the_clients_stages_and_the_largest_untraced_gap() -> None:
    """The server's stages are within `wait`, so the sum does not count them again."""
    text = " ".join("\n".join(waterfall(DOCUMENT, OutputStyle(width=200))).split())
    assert "sum dns 1.0 + wait 98.0 + receive 1.0 = 100.0 of 100.0 ms" in text
    assert "largest untraced gap: 3.0 ms" in text


def test_the_table_of_repetitions_shows_the_saved_time() -> None:
    """A stage that did not take place is shown as a dash."""
    warm = {**DOCUMENT, "duration_ms": 40.0, "cache": "hit", "spans": DOCUMENT["spans"][2:]}
    head, first, second, note = repetitions([DOCUMENT, warm], [False, True])
    assert head.split() == [
        "status", "dns", "connect", "tls", "send", "wait", "receive", "ms", "cache"
    ]  # fmt: skip
    assert first.split() == ["1", "200", "1.0", "-", "-", "-", "98.0", "1.0", "100.0", "-"]
    assert second.split() == [
        "2", "200", "-", "-", "-", "-", "98.0", "1.0", "40.0", "hit", "60.0", "less"
    ]  # fmt: skip
    assert "reused" in note
    assert max(map(len, (head, first, second, note))) <= 82


def test_server_timing_becomes_stages_without_a_start() -> None:
    """A description may be quoted or not. A metric without a duration is not a stage."""
    header = 'app;dur=12.5, sql;desc="INSERT, users";dur=3, cache;desc=hit, odd;dur=x, =;dur=1'
    stages = server_timing(header, "parent")
    assert [(e["stage"], e["duration_ms"], e["start_ms"]) for e in stages] == [
        ("app", 12.5, None),
        ("sql", 3.0, None),
    ]
    assert stages[1]["attributes"]["description"] == "INSERT, users"
    assert server_timing(None, "parent") == []

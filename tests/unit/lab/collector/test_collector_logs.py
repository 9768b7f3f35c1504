"""The log lines of one trace, from the log of the service's processes."""

from pathlib import Path

import pytest

from lab.collector.details import logs

TRACE = "0af7651916cd43dd8448eb211c80319c"
OTHER = "b" * 32
LOG = f"""\
  app-1        ready on 127.0.0.1:31758     1.5 s
07:04:03 [info     ] 200 GET /livez 0.4 ms trace_id={OTHER}
07:04:04 [error    ] unexpected_error trace_id={TRACE}
Traceback (most recent call last):
  File "app/main.py", line 1, in <module>
ValueError: Bearer abcdefgh12345678 {{'password': 'hunter2', 'name': 'Ahmed'}} session=abc code=x
07:04:05 [info     ] 500 GET /api/users 1.2 ms trace_id={TRACE}
  app-1        ended (exit 1)
{{"event":"request","trace_id":"{TRACE}","token":"abc"}}
"""


def test_the_lines_of_a_trace_are_found_with_their_tracebacks(tmp_path: Path) -> None:
    """Both formats are read. Lines of the supervisor are omitted, and secrets are redacted."""
    log = tmp_path / "stack.log"
    log.write_text(LOG)
    failed, ended, as_json = logs.lines_of(TRACE, log)
    assert failed.splitlines()[1] == "Traceback (most recent call last):"
    redacted = "{'password': [redacted], 'name': 'Ahmed'} session=[redacted] code=x"
    assert failed.endswith(f"ValueError: Bearer [redacted] {redacted}")
    assert ended == f"07:04:05 [info     ] 500 GET /api/users 1.2 ms trace_id={TRACE}"
    assert as_json == f'{{"event":"request","trace_id":"{TRACE}","token":[redacted]}}'


@pytest.mark.parametrize("value", ["'a \\' b'", '"it\'s"', "b'abc'"])
def test_every_spelling_of_a_password_in_a_traceback_is_redacted(
    tmp_path: Path, value: str
) -> None:
    """If a string contains a single quote, Python writes the string in double quotes."""
    log = tmp_path / "stack.log"
    log.write_text(f"ValueError: {{'password': {value}, 'name': 'Ahmed'}} trace_id={TRACE}\n")
    (line,) = logs.lines_of(TRACE, log)
    assert line.startswith("ValueError: {'password': [redacted], 'name': 'Ahmed'}")


def test_what_is_read_and_returned_is_bounded(tmp_path: Path) -> None:
    """Only the end of the log is searched. The newest lines are returned. A long line is cut."""
    log = tmp_path / "stack.log"
    line = f"07:04:04 [info     ] {{}} trace_id={TRACE} {'x' * logs.MAX_LINE_CHARACTERS}\n"
    log.write_text("".join(line.format(number) for number in range(1000)))
    lines = logs.lines_of(TRACE, log)
    assert len(lines) == logs.MAX_LINES
    assert "] 999 trace_id" in lines[-1]
    assert {len(it) for it in lines} == {logs.MAX_LINE_CHARACTERS}
    log.write_text(line.format("early") + "x" * logs.MAX_READ_BYTES)
    assert not logs.lines_of(TRACE, log)
    assert not logs.lines_of(TRACE, tmp_path / "missing.log")

"""How `make seed` shows the progress of a long step, on a terminal and in a file."""

import io

from lab.seed.progress import Progress


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


def output_of(stream: io.StringIO, *, total: int = 40) -> str:
    """Return the output for `total` steps, shown one by one."""
    progress = Progress("orders", total, stream)
    for done in range(1, total + 1):
        progress.show(done)
    return stream.getvalue()


def test_a_terminal_shows_one_line_with_a_growing_bar() -> None:
    """Each step rewrites the line. The line ends only when the bar is full."""
    output = output_of(Terminal())
    assert output.count("\r") == 40
    assert output.count("\n") == 1
    assert f"[{'#' * 15}{'.' * 15}] 20 of 40 orders" in output
    assert f"[{'#' * 30}] 40 of 40 orders" in output


def test_a_file_gets_a_line_per_tenth() -> None:
    """The lines in a file contain no carriage return."""
    lines = output_of(io.StringIO()).splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("  4 of 40 orders ")
    assert "\r" not in "".join(lines)

"""The progress of a long step, on a terminal and in a file."""

import io

from lab.seed.progress import Progress


class Terminal(io.StringIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def shown(stream: io.StringIO, *, total: int = 40) -> str:
    """Return what is written while `total` things are done one by one."""
    progress = Progress("orders", total, stream)
    for done in range(1, total + 1):
        progress.show(done)
    return stream.getvalue()


def test_a_terminal_sees_one_line_that_grows() -> None:
    """It is drawn anew each time, full at the end, and ended once."""
    drawn = shown(Terminal())
    assert drawn.count("\r") == 40
    assert drawn.count("\n") == 1
    assert f"[{'#' * 15}{'.' * 15}] 20 of 40 orders" in drawn
    assert f"[{'#' * 30}] 40 of 40 orders" in drawn


def test_a_file_gets_a_line_per_tenth() -> None:
    """With nothing in it that only a terminal understands."""
    lines = shown(io.StringIO()).splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("  4 of 40 orders ")
    assert "\r" not in "".join(lines)

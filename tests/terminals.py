"""Run a command on a terminal, so that its output has a width and can have colours."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence

from tests.service import CHECKOUT


def output_on_terminal(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run a command on a terminal of 80 columns, and return the command's output."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    variables = {"TERM": "xterm", **environment}
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        process = subprocess.Popen(
            command, cwd=CHECKOUT, env=variables, stdin=subprocess.DEVNULL, stdout=theirs
        )
        os.close(theirs)
        output = b""
        # On Linux, reading fails with EIO after the last process has closed the terminal.
        while chunk := _read(terminal.fileno()):
            output += chunk
        assert process.wait(timeout=60) == 0, output
    return output.decode().replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""

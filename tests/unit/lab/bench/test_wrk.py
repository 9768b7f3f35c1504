"""`run_wrk` ends wrk with a signal."""

import shutil
import socket
import time

import pytest

from lab.bench.load.wrk import run_wrk
from lab.stack.config.ports import LOOPBACK


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_a_run_ends_whenever_the_signal_arrives() -> None:
    """On a busy machine, the signal of a short run may arrive before wrk can handle it."""
    script = dict.fromkeys(("EMAILS", "PRODUCTS", "TOKEN", "KIND", "RUN", "PASSWORD"), "")
    variables = {f"LOAD_{name}": value for name, value in script.items()}
    with socket.create_server((LOOPBACK, 0)) as server:
        address = f"http://{LOOPBACK}:{server.getsockname()[1]}"
        for milliseconds in range(9):
            began = time.monotonic()
            run_wrk(["-c1", address], milliseconds / 1000, variables)
            assert time.monotonic() - began < 10

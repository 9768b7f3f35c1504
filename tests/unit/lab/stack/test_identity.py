"""The identity of a process is its id and its start time."""

import dataclasses
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil

from lab.stack.processes.identity import Identity
from lab.stack.servers.valkey import ValkeyServer

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_running_process_is_found(tmp_path: Path) -> None:
    """An identity that was saved and then loaded finds the same process."""
    Identity.of(os.getpid()).save(tmp_path / "process.json")
    loaded = Identity.load(tmp_path / "process.json")
    assert loaded
    process = loaded.process()
    assert process
    assert process.pid == os.getpid()


def test_another_process_with_the_same_id_is_not_found() -> None:
    """If the system has reused the id, the new process must not be affected."""
    identity = Identity.of(os.getpid())
    assert dataclasses.replace(identity, created=identity.created - 60).process() is None


def test_an_ended_process_is_not_found_even_before_its_parent_reaps_it() -> None:
    """A zombie counts as ended."""
    with subprocess.Popen(SLEEP) as child:
        identity = Identity.of(child.pid)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert identity.process() is None


def test_a_damaged_record_is_ignored(tmp_path: Path) -> None:
    """A power cut may leave an incomplete file."""
    (tmp_path / "process.json").write_text('{"pid": 1')
    assert Identity.load(tmp_path / "process.json") is None
    assert Identity.load(tmp_path / "missing.json") is None


def test_a_recorded_process_is_ended(tmp_path: Path) -> None:
    """After the process has ended, its record is deleted."""
    with subprocess.Popen(SLEEP) as child:
        Identity.of(child.pid).save(tmp_path / "process.json")
        server = ValkeyServer(tmp_path)
        assert server.end_leftover()
        assert child.wait() == -signal.SIGTERM
    assert server.identity is None


def test_a_record_that_is_deleted_during_a_read_is_ignored(tmp_path: Path) -> None:
    """The supervisor deletes and writes a record while other commands read the record."""
    record, server, ended = tmp_path / "process.json", ValkeyServer(tmp_path), threading.Event()
    identity = Identity.of(os.getpid())

    def rewrite() -> None:
        while not ended.is_set():
            # The reads after each step give the main thread time to see both states of the record.
            identity.save(record)
            identity.load(record)
            record.unlink()
            identity.load(record)

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        for _ in range(3000):
            assert server.process in {None, psutil.Process()}
    finally:
        ended.set()
        writer.join()


def test_another_process_with_the_recorded_id_is_not_ended(tmp_path: Path) -> None:
    """The recorded process has ended, and another process has its id now."""
    identity = Identity.of(os.getpid())
    dataclasses.replace(identity, created=identity.created - 60).save(tmp_path / "process.json")
    assert not ValkeyServer(tmp_path).end_leftover()

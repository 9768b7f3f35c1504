"""A process is meant, not a number."""

import dataclasses
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from lab.stack.footprint import ServerRecord
from lab.stack.identity import Identity

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_living_process_is_found(tmp_path: Path) -> None:
    """Saved and loaded, the identity still finds its process."""
    Identity.of(os.getpid()).save(tmp_path / "process.json")
    loaded = Identity.load(tmp_path / "process.json")
    assert loaded
    process = loaded.process()
    assert process
    assert process.pid == os.getpid()


def test_another_process_with_the_same_number_is_not_meant() -> None:
    """The number was given away again: nothing must happen to its new owner."""
    mine = Identity.of(os.getpid())
    assert dataclasses.replace(mine, created=mine.created - 60).process() is None


def test_a_dead_process_is_not_found_even_before_its_parent_looks() -> None:
    """A zombie does nothing any more."""
    with subprocess.Popen(SLEEP) as child:
        identity = Identity.of(child.pid)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert identity.process() is None


def test_a_damaged_note_is_no_note(tmp_path: Path) -> None:
    """A power cut may leave half of it."""
    (tmp_path / "process.json").write_text('{"pid": 1')
    assert Identity.load(tmp_path / "process.json") is None
    assert Identity.load(tmp_path / "missing.json") is None


def test_a_leftover_is_ended(tmp_path: Path) -> None:
    """The noted process is ended and the note is gone."""
    with subprocess.Popen(SLEEP) as child:
        record = ServerRecord(tmp_path)
        record.save_process(child.pid)
        assert record.end_process(signal.SIGTERM, timeout_s=10)
        assert child.wait() == -signal.SIGTERM
    assert record.identity is None


def test_a_note_that_is_deleted_while_it_is_read_is_no_note(tmp_path: Path) -> None:
    """The supervisor deletes and writes it while other commands look."""
    record, ended = ServerRecord(tmp_path), threading.Event()

    def rewrite() -> None:
        while not ended.is_set():
            # Between the two steps as long as a read takes, so that both are met.
            record.save_process(os.getpid())
            record.process()
            record.delete_process()
            record.process()

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        found = {record.process() is not None for _ in range(3000)}
    finally:
        ended.set()
        writer.join()
    assert found <= {True, False}


def test_a_stranger_is_left_alone(tmp_path: Path) -> None:
    """A note about a dead process does not end the one that has its number now."""
    identity = Identity.of(os.getpid())
    dataclasses.replace(identity, created=identity.created - 60).save(tmp_path / "process.json")
    assert not ServerRecord(tmp_path).end_process(signal.SIGTERM, timeout_s=10)

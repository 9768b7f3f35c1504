"""What one command tells the next about a running stack."""

import dataclasses
import os
import stat
from pathlib import Path

from lab.stack.environment import Choices
from lab.stack.identity import Identity
from lab.stack.lock import Lock, is_held
from lab.stack.paths import Paths
from lab.stack.state import State

CHOICES = Choices(8080, 8443, "postgresql://secret", None)


def test_the_state_of_a_running_stack_is_read_back(tmp_path: Path) -> None:
    """All of it, by whoever looks while the lock is held; and only its owner may look."""
    paths = Paths(tmp_path)
    state = State(Identity.of(os.getpid()), CHOICES, ready=True)
    lock = Lock(paths.lock)
    assert lock.acquire()
    state.save(paths)
    assert State.load(paths) == state
    assert stat.S_IMODE(paths.state.stat().st_mode) == 0o600
    lock.release()


def test_the_state_of_a_stack_whose_lock_is_free_does_not_count(tmp_path: Path) -> None:
    """It was killed: the kernel let go of the lock, the file stayed."""
    paths = Paths(tmp_path)
    State(Identity.of(os.getpid()), CHOICES, ready=True).save(paths)
    assert State.load(paths) is None


def test_the_state_of_a_killed_stack_is_not_taken_for_the_next_ones(tmp_path: Path) -> None:
    """The next stack holds the lock already but has written nothing yet."""
    paths = Paths(tmp_path)
    identity = Identity.of(os.getpid())
    killed = dataclasses.replace(identity, created=identity.created - 60)
    State(killed, CHOICES, ready=True).save(paths)
    lock = Lock(paths.lock)
    assert lock.acquire()
    assert State.load(paths) is None
    lock.release()


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    """The second one waits its time and goes without; after the release it is free."""
    first, second = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    assert first.acquire()
    assert not second.acquire(timeout_s=0.05)
    assert is_held(tmp_path / "lock")
    first.release()
    assert not is_held(tmp_path / "lock")
    second.release()

"""The state of a running stack, which a command saves so that later commands can load it."""

import dataclasses
import os
import stat
from pathlib import Path

from lab.stack.config.environment import Choices
from lab.stack.config.paths import Paths
from lab.stack.processes.identity import Identity
from lab.stack.processes.lock import Lock, is_held
from lab.stack.state import State

CHOICES = Choices(8080, 8443, "postgresql://secret", None)


def test_the_state_of_a_running_stack_can_be_loaded(tmp_path: Path) -> None:
    """While the stack holds its lock, any command of the user can load the state (mode 0600)."""
    paths = Paths(tmp_path)
    state = State(Identity.of(os.getpid()), CHOICES, ready=True)
    lock = Lock(paths.lock)
    assert lock.acquire()
    state.save(paths)
    assert State.load(paths) == state
    assert stat.S_IMODE(paths.state.stat().st_mode) == 0o600
    lock.release()


def test_a_state_without_a_held_lock_is_ignored(tmp_path: Path) -> None:
    """If a stack is killed, the kernel releases its lock, but the file remains."""
    paths = Paths(tmp_path)
    State(Identity.of(os.getpid()), CHOICES, ready=True).save(paths)
    assert State.load(paths) is None


def test_the_state_of_a_killed_stack_is_not_used_for_the_next_one(tmp_path: Path) -> None:
    """The next stack already holds the lock, but has not saved its state yet."""
    paths = Paths(tmp_path)
    identity = Identity.of(os.getpid())
    killed = dataclasses.replace(identity, created=identity.created - 60)
    State(killed, CHOICES, ready=True).save(paths)
    lock = Lock(paths.lock)
    assert lock.acquire()
    assert State.load(paths) is None
    lock.release()


def test_only_one_process_can_hold_a_lock(tmp_path: Path) -> None:
    """A second attempt fails after its timeout. After the release, the lock is free."""
    first, second = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    assert first.acquire()
    assert not second.acquire(timeout_s=0.05)
    assert is_held(tmp_path / "lock")
    first.release()
    assert not is_held(tmp_path / "lock")
    second.release()

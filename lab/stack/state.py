"""What the process that runs a stack tells the commands that come later."""

import json
from dataclasses import asdict, dataclass
from typing import Self

from lab.stack.environment import Choices
from lab.stack.identity import Identity
from lab.stack.lock import is_held
from lab.stack.paths import Paths
from lab.stack.secrets import write_private


@dataclass(frozen=True)
class State:
    """One stack as it runs: by whom, with which choices, and whether it serves yet."""

    supervisor: Identity
    choices: Choices
    ready: bool = False

    @classmethod
    def load(cls, paths: Paths) -> Self | None:
        """Of the stack that runs now; None when none does."""
        if not is_held(paths.lock):
            return None
        try:
            fields = json.loads(paths.state.read_text())
        except (FileNotFoundError, ValueError):
            return None
        supervisor = Identity(**fields["supervisor"])
        if supervisor.process() is None:
            # Written by one that was killed; the next one holds the lock, but has not written yet.
            return None
        return cls(supervisor, Choices(**fields["choices"]), ready=fields["ready"])

    def save(self, paths: Paths) -> None:
        """Write it for the owner alone: a given `DATABASE_URL` has its password in it."""
        draft = paths.state.with_name("stack.json.new")
        write_private(draft, json.dumps(asdict(self)))
        draft.replace(paths.state)

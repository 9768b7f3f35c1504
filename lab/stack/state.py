"""The state of a running stack. The supervisor writes it, and other commands read it."""

import json
from dataclasses import asdict, dataclass
from typing import Self

from lab.stack.config.environment import Choices
from lab.stack.config.paths import Paths
from lab.stack.config.secrets import write_private
from lab.stack.processes.identity import Identity
from lab.stack.processes.lock import is_held


@dataclass(frozen=True)
class State:
    """A running stack: its supervisor, its choices, and whether it already serves requests."""

    supervisor: Identity
    choices: Choices
    ready: bool

    @classmethod
    def load(cls, paths: Paths) -> Self | None:
        """Return the state of the stack that runs now. None if no stack runs."""
        if not is_held(paths.lock):
            return None
        try:
            fields = json.loads(paths.state.read_text())
        except (FileNotFoundError, ValueError):
            return None
        supervisor = Identity(**fields["supervisor"])
        if supervisor.process() is None:
            # A killed supervisor wrote this file. The next supervisor has not replaced it yet.
            return None
        return cls(supervisor, Choices(**fields["choices"]), ready=fields["ready"])

    def save(self, paths: Paths) -> None:
        """Write the file, readable only by its owner: `DATABASE_URL` contains a password."""
        draft = paths.state.with_name("stack.json.new")
        write_private(draft, json.dumps(asdict(self)))
        draft.replace(paths.state)

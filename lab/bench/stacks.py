"""What a sampling profiler has seen, summed up: where the time of a request is spent."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

# Of a program that starts; what is asked for is how it runs.
_STARTING: Final = ("load (uvicorn/config.py", "<module> (app/", "create_app (app/")
# A thread that waits for a password; in its lock, py-spy takes it for busy.
_IDLE: Final = "_worker (concurrent/"
_SHOWN: Final = 30

Stack = tuple[str, ...]
"""`function (file:line)` from the outermost call to the innermost."""


@dataclass(frozen=True)
class Profile:
    """How often each stack was seen."""

    seen: Counter[Stack]

    @classmethod
    def read(cls, lines: Iterable[str]) -> "Profile":
        """Read py-spy's format `raw`: the frames with semicolons between, a space, a number."""
        seen = Counter[Stack]()
        for line in lines:
            frames, _, count = line.rpartition(" ")
            stack = tuple(frames.split(";"))
            starting = any(frame.startswith(_STARTING) for frame in stack)
            if frames and not starting and not stack[-1].startswith(_IDLE):
                seen[stack] += int(count)
        return cls(seen)

    def tables(self) -> Iterator[str]:
        """Tell it in three ways, each adding up what the next one takes apart."""
        yield self._table("by package, each with its own time", lambda stack: {_package(stack[-1])})
        yield self._table("by function, each with its own time", lambda stack: {stack[-1]})
        yield self._table(
            "by function of ours, each with all that it calls",
            lambda stack: {frame for frame in stack if "(app/" in frame},
        )

    def _table(self, title: str, places: Callable[[Stack], set[str]]) -> str:
        found = Counter[str]()
        for stack, count in self.seen.items():
            found.update(dict.fromkeys(places(stack), count))
        rows = [
            f"  {100 * count / self.seen.total():5.1f} %  {place}"
            for place, count in found.most_common(_SHOWN)
        ]
        return "\n".join([f"Time {title}:", *rows])


def _package(frame: str) -> str:
    """`execute (sqlalchemy/engine/base.py:12)` is `sqlalchemy`; of ours, the room."""
    file = frame.rpartition("(")[2].partition(":")[0].rstrip(")")
    parts = file.split("/")
    return "/".join(parts[:2]) if parts[0] == "app" else parts[0]

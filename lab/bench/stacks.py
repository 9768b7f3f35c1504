"""Summarizes the samples of a profiler: where the time of a request is spent."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

# Frames of the program's start, which is not part of a request.
_STARTING: Final = ("load (uvicorn/config.py", "<module> (app/", "create_app (app/")
# A thread that waits for the next password to hash. py-spy counts it as busy because of its lock.
_IDLE: Final = "_worker (concurrent/"
_MAX_ROWS: Final = 30

CallStack = tuple[str, ...]
"""`function (file:line)` from the outermost call to the innermost."""


@dataclass(frozen=True)
class Profile:
    """The number of samples of each stack."""

    samples: Counter[CallStack]

    @classmethod
    def read(cls, lines: Iterable[str]) -> "Profile":
        """Read py-spy's format `raw`: the frames, separated by semicolons, a space, a number."""
        samples = Counter[CallStack]()
        for line in lines:
            frames, _, count = line.rpartition(" ")
            stack = tuple(frames.split(";"))
            starting = any(frame.startswith(_STARTING) for frame in stack)
            if frames and not starting and not stack[-1].startswith(_IDLE):
                samples[stack] += int(count)
        return cls(samples)

    def tables(self) -> Iterator[str]:
        """Yield the tables: own time by package, own time by function, and total time."""
        yield self._table("by package (own time)", lambda stack: {_package(stack[-1])})
        yield self._table("by function (own time)", lambda stack: {stack[-1]})
        yield self._table(
            "by function of the service (with the functions that it calls)",
            lambda stack: {frame for frame in stack if "(app/" in frame},
        )

    def _table(self, title: str, names_of: Callable[[CallStack], set[str]]) -> str:
        counts = Counter[str]()
        for stack, count in self.samples.items():
            counts.update(dict.fromkeys(names_of(stack), count))
        rows = [
            f"  {100 * count / self.samples.total():5.1f} %  {name}"
            for name, count in counts.most_common(_MAX_ROWS)
        ]
        return "\n".join([f"Time {title}:", *rows])


def _package(frame: str) -> str:
    """Return `sqlalchemy` for `execute (sqlalchemy/engine/base.py:12)`; `app/…` for the service."""
    file = frame.rpartition("(")[2].partition(":")[0].rstrip(")")
    parts = file.split("/")
    return "/".join(parts[:2]) if parts[0] == "app" else parts[0]

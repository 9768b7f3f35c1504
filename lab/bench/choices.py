"""The options of a benchmark: values from the caller's environment, or defaults."""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lab.stack.config.paths import CHECKOUT
from lab.stack.errors import LabError


@dataclass(frozen=True)
class Choices:
    """The options of a benchmark."""

    seconds: float
    """The duration of each measurement."""
    rounds: int
    requests: int
    """The number of requests that one process handles before its memory is measured again."""
    report: Path

    @classmethod
    def from_environment(cls) -> Self:
        """Read `BENCH_SECONDS`, `BENCH_ROUNDS`, `BENCH_REQUESTS` and `BENCH_REPORT`.

        :raises LabError: when a value other than `BENCH_REPORT` is not a positive number.
        """
        return cls(
            seconds=_number("BENCH_SECONDS", 5),
            rounds=max(1, int(_number("BENCH_ROUNDS", 5))),
            requests=int(_number("BENCH_REQUESTS", 100_000)),
            report=Path(os.environ.get("BENCH_REPORT") or CHECKOUT / "docs" / "benchmarks.md"),
        )


def _number(variable: str, default: float) -> float:
    text = os.environ.get(variable) or str(default)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise LabError(
            f"{variable}={text} is not a positive number. For example:  "
            f"{variable}={default} make bench"
        )
    return number

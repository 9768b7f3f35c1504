"""How long a benchmark takes: what the caller's environment says, and what is usual."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lab.stack.errors import LabError
from lab.stack.paths import CHECKOUT


@dataclass(frozen=True)
class Choices:
    """What can be chosen from outside."""

    seconds: float
    """How long each measurement lasts."""
    rounds: int
    requests: int
    """How many requests one process answers before its memory is looked at again."""
    report: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read `BENCH_SECONDS`, `BENCH_ROUNDS`, `BENCH_REQUESTS` and `BENCH_REPORT`.

        :raises LabError: when one of the numbers is none.
        """
        return cls(
            seconds=_number(environment, "BENCH_SECONDS", 5),
            rounds=max(1, int(_number(environment, "BENCH_ROUNDS", 5))),
            requests=int(_number(environment, "BENCH_REQUESTS", 100_000)),
            report=Path(environment.get("BENCH_REPORT") or CHECKOUT / "docs" / "benchmarks.md"),
        )


def _number(environment: Mapping[str, str], variable: str, usual: float) -> float:
    text = environment.get(variable) or str(usual)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise LabError(
            f"{variable}={text} is no number above zero. Give one:  {variable}={usual} make bench"
        )
    return number

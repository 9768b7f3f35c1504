"""The vocabulary of stages, and what a stage is while nobody looks."""

import asyncio
import inspect
import re
from pathlib import Path
from typing import Any, get_args

from app.middleware.stages import _known_parts
from app.tracing import Recording, Stage, aside, begin, record, staged

PAGE = Path(__file__).resolve().parents[3] / "docs" / "tracing.md"


@staged("hash")
async def work() -> str:
    """Do what is a stage."""
    return "done"


def test_the_page_has_the_words_of_the_code_in_their_order() -> None:
    """One vocabulary."""
    assert re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(), re.MULTILINE) == list(
        get_args(Stage)
    )


def test_outside_of_a_recording_a_stage_is_nothing_but_its_function() -> None:
    """No wrapper is awaited: the coroutine is the function's own."""
    coroutine: Any = work()
    assert coroutine.cr_code is inspect.unwrap(work).__code__
    assert asyncio.run(coroutine) == "done"
    assert begin("redis", "GET", {}) is None


def test_a_stage_is_recorded_and_work_aside_is_not() -> None:
    """What a request brings about and does not wait for is not on its account."""

    async def request() -> Recording:
        recording = Recording(spans=False)
        record(recording)
        await work()
        await aside(work)
        return recording

    durations = asyncio.run(request()).durations
    assert {stage: len(took) for stage, took in durations.items()} == {"hash": 1}


def test_durations_are_the_sums_of_what_has_ended() -> None:
    """In milliseconds; what goes on has no duration yet."""
    recording = Recording(spans=False)
    recording.durations.update({"sql": [0.0011, 0.0003], "hash": [0.0241], "pool": []})
    assert recording.milliseconds() == {"sql": 1.4, "hash": 24.1}


def test_of_a_path_only_the_template_and_numbers_are_told() -> None:
    """Somebody may have put a password where an id should be."""
    assert _known_parts("/api/users/42/orders", "/api/users/{user_id}/orders") == (
        "/api/users/42/orders"
    )
    assert _known_parts("/api/users/secret", "/api/users/{user_id}") == "/api/users/{user_id}"
    assert _known_parts("/nothing/secret", "") == "REDACTED"

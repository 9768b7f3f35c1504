"""The stages of a request: their names, when they are recorded, and their durations."""

import asyncio
import inspect
import re
from pathlib import Path
from typing import Any, get_args

from app.middleware.observability.stages import _redacted
from app.tracing import Recording, Stage, begin_stage, record, run_in_background, staged

PAGE = Path(__file__).resolve().parents[4] / "docs" / "tracing.md"


@staged("hash")
async def work() -> str:
    """Return a value, as a stage."""
    return "done"


def test_the_page_lists_the_stages_of_the_code_in_their_order() -> None:
    """docs/tracing.md and the code name the same stages."""
    assert re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(), re.MULTILINE) == list(
        get_args(Stage)
    )


def test_without_a_recording_a_stage_only_calls_its_function() -> None:
    """No wrapper is awaited: the call returns the coroutine of the undecorated function."""
    coroutine: Any = work()
    assert coroutine.cr_code is inspect.unwrap(work).__code__
    assert asyncio.run(coroutine) == "done"
    assert begin_stage("redis", "GET", {}) is None


def test_a_stage_is_recorded_and_work_in_the_background_is_not() -> None:
    """Work that a request starts with `run_in_background` is not recorded for the request."""

    async def request() -> Recording:
        recording = Recording(spans=False)
        record(recording)
        await work()
        await run_in_background(work)
        return recording

    durations = asyncio.run(request()).durations
    assert {stage: len(took) for stage, took in durations.items()} == {"hash": 1}


def test_durations_are_the_sums_of_the_stages_that_have_ended() -> None:
    """The sums are in milliseconds. A stage that has not ended has no sum."""
    recording = Recording(spans=False)
    recording.durations.update({"sql": [0.0011, 0.0003], "hash": [0.0241], "pool": []})
    assert recording.milliseconds() == {"sql": 1.4, "hash": 24.1}


def test_only_the_template_and_the_numbers_of_a_path_are_recorded() -> None:
    """If a client sends a password where the template has an id, the password is not recorded."""
    assert _redacted("/api/users/42/orders", "/api/users/{user_id}/orders") == (
        "/api/users/42/orders"
    )
    assert _redacted("/api/users/secret", "/api/users/{user_id}") == "/api/users/{user_id}"
    assert _redacted("/nothing/secret", "") == "REDACTED"

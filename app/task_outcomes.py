"""Ignores the outcome of an asyncio task that no caller waits for."""

import asyncio
from typing import Any


def ignore_outcome(task: "asyncio.Future[Any]") -> None:
    """Keep asyncio from logging the error of a task. Pass this to `add_done_callback`."""
    if not task.cancelled():
        task.exception()

"""Errors of the local stack. Each message says what to do next."""

import os
from pathlib import Path


class LabError(Exception):
    """An error whose message is shown to the user unchanged."""


class AlreadyRunningError(LabError):
    """The stack cannot start, because another process runs a stack on the same directory."""


class InterruptedStartError(LabError):
    """The stack received a stop signal while it was still starting."""


def ownership_message(error: Exception, directory: Path) -> str:
    """Return the message for a stack whose files or processes belong to another user."""
    return (
        f"{error}\nThe stack in {directory} belongs to another user. Run the command as that "
        "user (as root with sudo), or change the owner of the files:  "
        f"sudo chown -R {os.getuid()} {directory}"
    )

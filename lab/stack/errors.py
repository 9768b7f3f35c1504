"""Errors of the local stack. Each message says what to do next."""


class LabError(Exception):
    """An error whose message is shown to the user unchanged."""


class AlreadyRunningError(LabError):
    """The stack cannot start, because another process runs a stack on the same directory."""


class InterruptedStartError(LabError):
    """The stack received a stop signal while it was still starting."""

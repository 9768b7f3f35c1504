"""What can go wrong in the local stack, in sentences that say what to do next."""


class LabError(Exception):
    """The message is printed to a person as it stands."""


class AlreadyRunningError(LabError):
    """Another process runs a stack on the same directory."""


class InterruptedStartError(LabError):
    """Somebody asked the stack to stop while it was still starting."""

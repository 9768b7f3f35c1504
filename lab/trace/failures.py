"""Why there was no answer, each with a sentence and an exit status of its own."""

from typing import ClassVar


class UsageError(Exception):
    """What was typed cannot be sent; the message says what to type instead. Exit status 2."""


class NetworkFailure(Exception):
    """The message is printed to a person as it stands."""

    exit_status: ClassVar[int]


class NameNotFound(NetworkFailure):
    """No address belongs to the host's name."""

    exit_status = 4


class NotConnected(NetworkFailure):
    """Nobody listens there, or no way leads there."""

    exit_status = 5


class NotTrusted(NetworkFailure):
    """The TLS handshake failed, for the certificate's sake or another's."""

    exit_status = 6


class TimedOut(NetworkFailure):
    """The time was over before the answer was whole."""

    exit_status = 7


class Broken(NetworkFailure):
    """The connection ended in the middle, or what came is not HTTP/1.1."""

    exit_status = 8

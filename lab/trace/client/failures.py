"""The reasons why there was no response. Each failure has a message and its own exit status."""

from typing import ClassVar


class UsageError(Exception):
    """The arguments are invalid; the message says what to type instead. Exit status 2."""


class NetworkFailure(Exception):
    """A failure of the network. Its message is printed unchanged."""

    exit_status: ClassVar[int]


class NameNotFound(NetworkFailure):
    """The host's name has no address."""

    exit_status = 4


class NotConnected(NetworkFailure):
    """No server listens at the address, or the network has no route to the address."""

    exit_status = 5


class NotTrusted(NetworkFailure):
    """The TLS handshake failed, because of the certificate or for another reason."""

    exit_status = 6


class TimedOut(NetworkFailure):
    """The response was not complete before the timeout."""

    exit_status = 7


class ConnectionBroken(NetworkFailure):
    """The connection ended too early, or the response is not HTTP/1.1."""

    exit_status = 8

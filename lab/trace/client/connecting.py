"""Connects to a server. The DNS lookup, each TCP connection and the TLS handshake are stages."""

import socket
import ssl
from collections.abc import Sequence

from lab.trace.client.failures import NameNotFound, NotConnected, NotTrusted
from lab.trace.client.measuring import Deadline, StageTimer
from lab.trace.client.target import Target

# If an address does not answer within this time, the next address is tried. A client that follows
# RFC 8305 (Happy Eyeballs) starts the next attempt in parallel after 250 ms. This client makes one
# attempt after another, so that the waterfall shows each attempt.
ATTEMPT_TIMEOUT_SECONDS = 2.0

Address = tuple[socket.AddressFamily, tuple[str, int]]


def connect(
    target: Target, tls_context: ssl.SSLContext | None, timer: StageTimer, deadline: Deadline
) -> socket.socket:
    """Return a connected socket. With a `tls_context`, the socket uses TLS.

    :raises NetworkFailure: with a message for the user.
    """
    plain = _connect(_addresses(target, timer), timer, deadline)
    if tls_context is None:
        return plain
    try:
        return _handshake(plain, target, tls_context, timer, deadline)
    except BaseException:
        plain.close()
        raise


def _addresses(target: Target, timer: StageTimer) -> list[Address]:
    with timer.stage("dns") as attributes:
        attributes["dns.question.name"] = target.host
        try:
            found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NameNotFound(
                f"No address found for {target.host}. Check the name and the network connection."
            ) from error
        addresses: list[Address] = [
            (family, (str(address[0]), int(address[1]))) for family, *_, address in found
        ]
        attributes["dns.answers"] = [host for _, (host, _) in addresses]
        return addresses


def _connect(addresses: Sequence[Address], timer: StageTimer, deadline: Deadline) -> socket.socket:
    """Try the addresses in order; each attempt is a stage."""
    reasons = []
    for number, (family, address) in enumerate(addresses, start=1):
        left = deadline.remaining()
        try:
            with timer.stage("connect") as attributes:
                attributes["network.peer.address"], attributes["network.peer.port"] = address
                is_last = number == len(addresses)
                timeout_s = left if is_last else min(left, ATTEMPT_TIMEOUT_SECONDS)
                return _open_socket(family, address, timeout_s)
        except TimeoutError as error:
            reasons.append(f"{address[0]}: no answer")
            last: OSError = error
        except OSError as error:
            reasons.append(f"{address[0]}: {error.strerror}")
            last = error
    if isinstance(last, TimeoutError):
        raise deadline.exceeded() from last
    port = addresses[0][1][1]
    raise NotConnected(
        f"No connection to port {port} ({'; '.join(reasons)}). Check the address, and that the "
        "server is running."
    ) from last


def _open_socket(
    family: socket.AddressFamily, address: tuple[str, int], timeout_s: float
) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        connection.connect(address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        connection.close()
        raise
    return connection


def _handshake(
    plain: socket.socket,
    target: Target,
    tls_context: ssl.SSLContext,
    timer: StageTimer,
    deadline: Deadline,
) -> ssl.SSLSocket:
    with timer.stage("tls") as attributes:
        try:
            plain.settimeout(deadline.remaining())
            secure = tls_context.wrap_socket(plain, server_hostname=target.host)
        except TimeoutError as error:
            raise deadline.exceeded() from error
        except ssl.SSLCertVerificationError as error:
            raise NotTrusted(
                f"The certificate of {target.authority} is not trusted: {error.verify_message}. "
                f"Checked against {target.ca or 'the authorities of this system'}; "
                "use --cacert FILE for another authority."
            ) from error
        except OSError as error:
            raise NotTrusted(f"TLS with {target.authority} failed: {error}.") from error
        attributes["tls.protocol.version"] = (secure.version() or "").removeprefix("TLSv")
        attributes["tls.cipher"] = (secure.cipher() or ("",))[0]
        return secure

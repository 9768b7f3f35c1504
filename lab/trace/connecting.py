"""The way to a server: its name looked up, a connection made, a TLS handshake; each is a stage."""

import socket
import ssl
from collections.abc import Sequence

from lab.trace.failures import NameNotFound, NotConnected, NotTrusted
from lab.trace.measuring import Deadline, Measured
from lab.trace.target import Target

# As long as the next address waits for one that says nothing. RFC 8305 (Happy Eyeballs) begins the
# next attempt beside the first after 250 ms; here one follows the other, so that each is seen.
PATIENCE_S = 2.0

Address = tuple[socket.AddressFamily, tuple[str, int]]


def connect(
    target: Target, trust: ssl.SSLContext | None, measured: Measured, deadline: Deadline
) -> socket.socket:
    """Return a connected socket, with TLS if there is something to trust.

    :raises NetworkFailure: with a sentence for a person.
    """
    plain = _connect(_addresses(target, measured), measured, deadline)
    if trust is None:
        return plain
    try:
        return _secured(plain, target, trust, measured, deadline)
    except BaseException:
        plain.close()
        raise


def _addresses(target: Target, measured: Measured) -> list[Address]:
    with measured.stage("dns") as about:
        about["dns.question.name"] = target.host
        try:
            found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NameNotFound(
                f"No address is known for {target.host}. Is the name right, and the network there?"
            ) from error
        addresses: list[Address] = [
            (family, (str(where[0]), int(where[1]))) for family, *_, where in found
        ]
        about["dns.answers"] = [host for _, (host, _) in addresses]
        return addresses


def _connect(addresses: Sequence[Address], measured: Measured, deadline: Deadline) -> socket.socket:
    """Try each address in its order; each attempt is a stage."""
    reasons = []
    for number, (family, where) in enumerate(addresses, start=1):
        left = deadline.remaining()
        try:
            with measured.stage("connect") as about:
                about["network.peer.address"], about["network.peer.port"] = where
                patience = left if number == len(addresses) else min(left, PATIENCE_S)
                return _connected(family, where, patience)
        except TimeoutError as error:
            reasons.append(f"{where[0]}: no answer")
            last: OSError = error
        except OSError as error:
            reasons.append(f"{where[0]}: {error.strerror}")
            last = error
    if isinstance(last, TimeoutError):
        raise deadline.missed() from last
    port = addresses[0][1][1]
    raise NotConnected(
        f"Nobody can be reached at port {port} ({'; '.join(reasons)}). Does the server run?"
    ) from last


def _connected(
    family: socket.AddressFamily, where: tuple[str, int], patience: float
) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(patience)
        connection.connect(where)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        connection.close()
        raise
    return connection


def _secured(
    plain: socket.socket,
    target: Target,
    trust: ssl.SSLContext,
    measured: Measured,
    deadline: Deadline,
) -> ssl.SSLSocket:
    with measured.stage("tls") as about:
        try:
            plain.settimeout(deadline.remaining())
            secure = trust.wrap_socket(plain, server_hostname=target.host)
        except TimeoutError as error:
            raise deadline.missed() from error
        except ssl.SSLCertVerificationError as error:
            raise NotTrusted(
                f"The certificate of {target.authority} is not trusted: {error.verify_message}. "
                f"Asked was {target.ca or 'the authorities of this system'}; "
                "--cacert FILE names another one."
            ) from error
        except OSError as error:
            raise NotTrusted(f"No TLS with {target.authority}: {error}.") from error
        about["tls.protocol.version"] = (secure.version() or "").removeprefix("TLSv")
        about["tls.cipher"] = (secure.cipher() or ("",))[0]
        return secure

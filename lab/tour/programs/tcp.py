"""What Linux knows about the TCP sockets of this machine."""

import socket
import struct
import sys
from pathlib import Path
from typing import Final

STATES: Final = {
    "01": "ESTABLISHED",
    "02": "SYN_SENT",
    "05": "FIN_WAIT2",
    "06": "TIME_WAIT",
    "08": "CLOSE_WAIT",
    "0A": "LISTEN",
}
"""The states for which `states` waits, by their numbers in `/proc/net/tcp`."""


def states(host: str, port: int) -> str:
    """Return the states of the sockets at this address, and of the sockets connected to it.

    Wait until each socket is in one of `STATES`. In any other state, a packet is still on its way.
    """
    address = f"{int.from_bytes(socket.inet_aton(host), sys.byteorder):08X}:{port:04X}"
    while True:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
        server = sorted(row[3] for row in rows if row[1] == address)
        client = sorted(row[3] for row in rows if row[2] == address)
        if STATES.keys() >= {*server, *client}:
            return f"server {[STATES[it] for it in server]}, client {[STATES[it] for it in client]}"


def retransmissions_of_the_machine() -> int:
    """Return the counter `RetransSegs`."""
    lines = Path("/proc/net/snmp").read_text().splitlines()
    names, values = (line.split() for line in lines if line.startswith("Tcp:"))
    return int(values[names.index("RetransSegs")])


def retransmissions(connection: socket.socket) -> int:
    """Return how many packets this side has sent again."""
    return _number(connection, 100)


def sent(connection: socket.socket) -> int:
    """Return how many packets this side has sent."""
    return _number(connection, 136)


def received(connection: socket.socket) -> int:
    """Return how many packets this side has received."""
    return _number(connection, 140)


def _number(connection: socket.socket, offset: int) -> int:
    """Return a number of the kernel's `struct tcp_info`."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 144)
    number: int = struct.unpack_from("I", info, offset)[0]
    return number

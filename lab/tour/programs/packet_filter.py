"""Attaches a packet filter (BPF) to a UDP socket, and sends packets from several addresses."""

import ctypes
import ipaddress
import socket
import struct
import threading
from typing import Final

_SO_ATTACH_FILTER: Final = 26
_SO_DETACH_FILTER: Final = 27
_DROP: Final = 0
_ACCEPT: Final = 0xFFFFFFFF


def drop_packets_from(network: ipaddress.IPv4Network, server: socket.socket) -> None:
    """Let the kernel drop each packet that comes from `network` and is addressed to `server`."""
    rule = [
        (0x20, 0, 0, 0xFFF0000C),  # Load the address of the sender from the IP header,
        (0x54, 0, 0, int(network.netmask)),  # keep the bits of the network,
        (0x15, 0, 1, int(network.network_address)),  # and if they are equal,
        (0x06, 0, 0, _DROP),  # drop the packet.
        (0x06, 0, 0, _ACCEPT),  # If they are not equal, accept it.
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in rule))
    program = struct.pack("HL", len(rule), ctypes.addressof(code))
    server.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def serve(server: socket.socket) -> None:
    """Send a response to each packet."""
    while True:
        server.sendto(b"response", server.recvfrom(512)[1])


def request(sender: str, port: int) -> str:
    """Send a packet from the address `sender`. Return the response, or the error."""
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.bind((sender, 0))
        client.connect(("127.0.0.1", port))
        client.settimeout(3)
        try:
            client.send(b"request")
            return client.recv(512).decode()
        except OSError as error:
            return str(error)


def main() -> None:
    """Print the responses with the filter and without it."""
    server = socket.socket(type=socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    port = server.getsockname()[1]
    threading.Thread(target=serve, args=[server], daemon=True).start()
    drop_packets_from(ipaddress.IPv4Network("127.0.0.128/25"), server)
    for sender in ("127.0.0.1", "127.0.0.127", "127.0.0.128", "127.0.0.200"):
        print(f"from {sender}:", request(sender, port))
    server.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
    print("without the filter:", request("127.0.0.200", port))
    print("a port without a program:", request("127.0.0.200", 9))


if __name__ == "__main__":
    main()

"""Connects to a server whose queue of new connections is full."""

import select
import socket
import time

from lab.tour.programs import tcp


def main() -> None:
    """Print the states of the sockets, how long connecting takes, and the retransmissions."""
    server = socket.create_server(("127.0.0.86", 0), backlog=0)
    address = server.getsockname()
    in_the_queue = socket.create_connection(address)
    before, began = tcp.retransmissions_of_the_machine(), time.monotonic()
    client = socket.socket()
    client.settimeout(0)
    client.connect_ex(address)
    while tcp.retransmissions(client) == 0:
        time.sleep(0.01)
    print(tcp.states(*address))
    server.accept()
    select.select([], [client], [])  # Waits until the client is connected.
    print(f"connected after {time.monotonic() - began:.1f} s")
    counted = tcp.retransmissions_of_the_machine() - before
    print("retransmissions were counted:", counted >= tcp.retransmissions(client) > 0)
    in_the_queue.close()


if __name__ == "__main__":
    main()

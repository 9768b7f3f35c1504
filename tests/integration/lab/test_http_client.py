"""The lab's HTTP client: every failure is an OSError, which its callers handle."""

import socket
from threading import Thread

import pytest

from lab.http_client import send
from lab.stack.config.ports import LOOPBACK, free_port


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"]
)
def test_an_answer_that_is_not_http_is_an_os_error(answer: bytes) -> None:
    """The server closes the connection without a response, or sends an invalid or short one."""
    with socket.create_server((LOOPBACK, 0)) as server:

        def respond() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = Thread(target=respond)
        thread.start()
        with pytest.raises(OSError, match=r"no valid response|closed|reset"):
            send("POST", f"http://{LOOPBACK}:{server.getsockname()[1]}/", body="größer")
        thread.join()


def test_a_refused_connection_is_an_os_error() -> None:
    """No process listens on the port."""
    with pytest.raises(ConnectionRefusedError):
        send("GET", f"http://{LOOPBACK}:{free_port()}/")

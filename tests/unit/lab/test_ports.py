"""Ports that are remembered, and ports that are taken."""

import socket
from pathlib import Path

import pytest

from lab.stack.errors import LabError
from lab.stack.ports import LOOPBACK, free_port, is_free, listen, remembered_port


def test_a_port_is_remembered_while_it_is_free(tmp_path: Path) -> None:
    """What a person noted down stays true over restarts."""
    first = remembered_port(tmp_path / "port", in_use=False)
    assert remembered_port(tmp_path / "port", in_use=False) == first


def test_a_port_that_somebody_else_took_is_replaced(tmp_path: Path) -> None:
    """Another program was faster: a new port is chosen and remembered."""
    first = remembered_port(tmp_path / "port", in_use=False)
    with socket.create_server((LOOPBACK, first)):
        second = remembered_port(tmp_path / "port", in_use=False)
    assert second != first
    assert (tmp_path / "port").read_text() == str(second)


def test_a_port_in_use_by_its_own_server_is_kept(tmp_path: Path) -> None:
    """Asking for the port of a running server does not move it."""
    first = remembered_port(tmp_path / "port", in_use=False)
    with socket.create_server((LOOPBACK, first)):
        assert remembered_port(tmp_path / "port", in_use=True) == first


def test_a_damaged_note_is_replaced(tmp_path: Path) -> None:
    """A power cut may leave an empty file."""
    (tmp_path / "port").write_text("")
    assert is_free(remembered_port(tmp_path / "port", in_use=False))


def test_a_taken_port_names_its_variable_and_the_command() -> None:
    """A person reads what to type next."""
    with socket.create_server((LOOPBACK, 0)) as occupier:
        port = occupier.getsockname()[1]
        with pytest.raises(LabError, match=rf"Port {port} is taken.* HTTP_PORT=\d+ make up"):
            listen(port, "HTTP_PORT", "up")


def test_a_port_without_its_listener_is_free_at_once() -> None:
    """Connections that are still being forgotten by the kernel do not count."""
    port = free_port()
    with (
        socket.create_server((LOOPBACK, port)) as server,
        socket.create_connection((LOOPBACK, port)) as client,
    ):
        accepted, _ = server.accept()
        accepted.close()
        client.close()
    assert is_free(port)

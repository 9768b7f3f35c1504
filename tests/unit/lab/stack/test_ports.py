"""Recorded ports, free ports, and ports that other programs use."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lab.stack.config import ports
from lab.stack.config.ports import LOOPBACK, RecordedPort, free_port, is_free, listen
from lab.stack.errors import LabError
from lab.stack.servers.valkey import ValkeyServer


def test_a_recorded_port_is_used_again_while_it_is_free(tmp_path: Path) -> None:
    """An address that a user has saved stays valid after a restart."""
    first = RecordedPort(tmp_path / "port").choose()
    assert RecordedPort(tmp_path / "port").choose() == first


def test_a_recorded_port_that_another_program_uses_is_replaced(tmp_path: Path) -> None:
    """A new port is chosen, and replaces the old port in the file."""
    first = RecordedPort(tmp_path / "port").choose()
    with socket.create_server((LOOPBACK, first)):
        second = RecordedPort(tmp_path / "port").choose()
    assert second != first
    assert (tmp_path / "port").read_text() == str(second)


def test_only_the_process_that_starts_the_server_changes_its_port(tmp_path: Path) -> None:
    """Another process only reads the recorded port, even if a server already listens on it."""
    starting, waiting = ValkeyServer(tmp_path), ValkeyServer(tmp_path)
    port = starting.choose_port()
    with socket.create_server((LOOPBACK, port)):
        assert waiting.port == port
    assert starting.port == port


def test_a_damaged_record_is_replaced(tmp_path: Path) -> None:
    """A power cut may leave an empty file."""
    (tmp_path / "port").write_text("")
    assert is_free(RecordedPort(tmp_path / "port").choose())


def test_the_error_for_a_taken_port_names_the_variable_and_the_command() -> None:
    """The message has a command with another port, which the user can copy."""
    with socket.create_server((LOOPBACK, 0)) as occupier:
        port = occupier.getsockname()[1]
        with pytest.raises(LabError, match=rf"Port {port} is taken.* HTTP_PORT=\d+ make up"):
            listen(port, "HTTP_PORT", "up")


def test_a_port_is_free_as_soon_as_its_listener_is_closed() -> None:
    """Closed connections that the kernel still keeps (TIME_WAIT) do not make the port taken."""
    port = free_port()
    with (
        socket.create_server((LOOPBACK, port)) as server,
        socket.create_connection((LOOPBACK, port)) as client,
    ):
        accepted, _ = server.accept()
        accepted.close()
        client.close()
    assert is_free(port)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no abstract socket names")
def test_two_processes_never_choose_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """A starting server does not listen yet. The process that starts it reserves the port."""
    monkeypatch.setattr(ports, "_SERVER_PORTS", [free_port()])
    with pytest.raises(LabError, match="No free port"):
        free_port()
    choose = "from lab.stack.config.ports import free_port; print(free_port(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", choose], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        chosen = int(other.stdout.readline())
        monkeypatch.setattr(ports, "_SERVER_PORTS", [chosen])
        with pytest.raises(LabError, match="No free port"):
            free_port()
        other.communicate("\n")
    assert free_port() == chosen


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no abstract socket names")
def test_a_recorded_port_that_another_process_has_chosen_is_replaced(tmp_path: Path) -> None:
    """A stack that starts again does not take the port of a server that is starting."""
    choose = "from lab.stack.config.ports import free_port; print(free_port(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", choose], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        chosen = other.stdout.readline().strip()
        (tmp_path / "port").write_text(chosen)
        assert str(RecordedPort(tmp_path / "port").choose()) != chosen
        other.communicate("\n")

"""Checks of `make doctor`, for problems that a test cannot cause on a real machine."""

import socket
from pathlib import Path

import pytest

from lab.doctor.checkout import checkout_path, disk
from lab.doctor.data import first_file_of_another_user
from lab.doctor.stack import ports
from lab.doctor.variables import proxies
from lab.stack.config.paths import Paths
from lab.stack.config.ports import LOOPBACK
from lab.stack.processes.lock import Lock


def test_a_full_disk_is_reported(tmp_path: Path) -> None:
    """The test requires an exbibyte, and no machine has so much free space."""
    (finding,) = {str(finding) for finding in disk(tmp_path, needed_bytes=2**60)}
    assert "GiB free, and needs 1073741824.0 GiB. Delete files. See what is large:  du" in finding


def test_a_path_with_a_colon_is_reported() -> None:
    """Python cannot create a virtual environment in a path with a colon."""
    assert not list(checkout_path(Path("/srv/roundtrip")))
    (finding,) = checkout_path(Path("/srv/10:30/roundtrip"))
    assert "has a colon" in str(finding)


def test_a_file_of_another_user_is_found_in_the_data(tmp_path: Path) -> None:
    """`sudo make up` causes such files. For root, none is reported: root can access all files."""
    (tmp_path / "caddy").mkdir()
    (tmp_path / "caddy" / "lock").touch()
    owner = tmp_path.stat().st_uid
    if owner:
        assert first_file_of_another_user(owner, tmp_path) is None
    assert first_file_of_another_user(owner + 1, tmp_path) == tmp_path
    assert first_file_of_another_user(0, tmp_path) is None


def test_the_ports_of_a_running_stack_are_no_problem(tmp_path: Path) -> None:
    """The stack itself has taken the ports."""
    lock = Lock(Paths(tmp_path).lock)
    assert lock.acquire()
    with socket.create_server((LOOPBACK, 0)) as server:
        taken = {"HTTP_PORT": str(server.getsockname()[1])}
        assert not list(ports(Paths(tmp_path), taken))
    lock.release()


@pytest.mark.parametrize("exempt", ["localhost,127.0.0.1", "example.com, localhost", "*"])
def test_a_proxy_that_is_not_used_for_localhost_is_no_problem(exempt: str) -> None:
    """Most machines with a proxy have such an exception for localhost."""
    proxy = {"http_proxy": "http://proxy.example:3128"}
    assert list(proxies(proxy))
    assert not list(proxies({**proxy, "no_proxy": exempt}))
    assert not list(proxies({**proxy, "NO_PROXY": exempt}))

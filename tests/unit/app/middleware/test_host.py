"""Only requests whose Host header names this service are accepted."""

import asyncio
from collections.abc import Sequence

import pytest
from starlette.types import Message, Receive, Scope, Send

from app.errors import MalformedHost
from app.middleware.checks.host import Host


async def _app(_: Scope, __: Receive, ___: Send) -> None:
    """Do nothing, in place of the rest of the service."""


async def _receive() -> Message:
    return {"type": "http.disconnect"}


async def _send(_: Message) -> None:
    raise AssertionError("`Host` raises an exception and sends nothing")


def _request(
    allowed: list[str], *hosts: str, path: str = "/api/users", headers: Sequence[str] = ()
) -> None:
    sent = [*((b"host", host.encode()) for host in hosts), *((it.encode(), b"x") for it in headers)]
    scope = {"type": "http", "path": path, "headers": sent}
    asyncio.run(Host(_app, allowed)(scope, _receive, _send))


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        ("*", "anything.example"),
        ("api.example", "api.example"),
        ("api.example", "api.example:8443"),
        ("api.example", "API.Example"),
        ("API.example", "api.example:80"),
        ("127.0.0.1", "127.0.0.1:8080"),
        ("[::1]", "[::1]"),
        ("[::1]", "[::1]:8080"),
    ],
)
def test_allowed_hosts_are_accepted_on_any_port(allowed: str, host: str) -> None:
    """Upper case, lower case and the port make no difference."""
    _request(["localhost", allowed], host)  # check 34


@pytest.mark.parametrize(
    "hosts",
    [(), ("",), ("evil.example",), ("evil.example:80",), ("api.example.evil",),
     ("evil-api.example",), ("api.example", "api.example"), ("api.example:80:80",),
     ("api.example@evil.example",), ("[::2]:80",), ("::1",), ("api.example:x",), (" ",),
     ("api.example:\u0661",)],
    ids=str,
)  # fmt: skip
def test_other_hosts_are_refused(hosts: tuple[str, ...]) -> None:
    """The Host header is missing, empty, repeated or malformed, or names another host."""
    with pytest.raises(MalformedHost):
        _request(["api.example", "[::1]"], *hosts)  # check 34


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_a_health_check_of_an_orchestrator_has_any_host(path: str) -> None:
    """The orchestrator calls the process directly, by the address of the process."""
    _request(["api.example"], "10.0.0.7:8000", path=path)  # check F33
    for hosts in ((), ("a", "b")):
        with pytest.raises(MalformedHost):
            _request(["api.example"], *hosts, path=path)


def test_a_health_check_through_the_load_balancer_needs_an_allowed_host() -> None:
    """A client cannot avoid the check of the host name by requesting a health check."""
    with pytest.raises(MalformedHost):
        _request(["api.example"], "evil.example", path="/livez", headers=["x-forwarded-for"])

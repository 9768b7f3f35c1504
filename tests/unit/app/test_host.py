"""Which Host headers are for this service."""

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from app.errors import MalformedHost
from app.middleware.host import Host


async def _nothing(_: Scope, __: Receive, ___: Send) -> None:
    """Stand where the rest of the service would be."""


async def _receive() -> Message:
    return {"type": "http.disconnect"}


async def _send(_: Message) -> None:
    raise AssertionError("a host is refused by an exception")


def _ask(allowed: list[str], *hosts: str) -> None:
    scope = {"type": "http", "headers": [(b"host", host.encode()) for host in hosts]}
    asyncio.run(Host(_nothing, allowed)(scope, _receive, _send))


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
def test_the_own_names_are_served_on_any_port(allowed: str, host: str) -> None:
    """Case and port make no difference."""
    _ask(["localhost", allowed], host)  # check 34


@pytest.mark.parametrize(
    "hosts",
    [(), ("",), ("evil.example",), ("evil.example:80",), ("api.example.evil",),
     ("evil-api.example",), ("api.example", "api.example"), ("api.example:80:80",),
     ("api.example@evil.example",), ("[::2]:80",), ("::1",), ("api.example:x",), (" ",),
     ("api.example:\u0661",)],
    ids=str,
)  # fmt: skip
def test_other_names_are_refused(hosts: tuple[str, ...]) -> None:
    """Missing, empty, double, foreign, or made up to look alike."""
    with pytest.raises(MalformedHost):
        _ask(["api.example", "[::1]"], *hosts)  # check 34

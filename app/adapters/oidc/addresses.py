"""To which addresses the service connects when it fetches a URL (CWE-918)."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable

import httpcore2

_A_TRY = 1.0
"""Seconds in which one of several addresses has to take the connection."""
# Addresses that carry an IPv4 address inside, which may be a private one: NAT64 and 6to4.
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")))


def is_public(address: str) -> bool:
    """Tell whether an address belongs to the public internet and to one host there."""
    ip = ipaddress.ip_address(address)
    ip = getattr(ip, "ipv4_mapped", None) or ip
    translated = any(ip in network for network in _TRANSLATED)
    return ip.is_global and not ip.is_multicast and not translated


def is_loopback(address: str) -> bool:
    """Tell whether an address is this machine's own."""
    ip = ipaddress.ip_address(address)
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects to public addresses only; on a developer's machine to its own ones as well.

    A name is looked up once, and the connection goes to an address that has been judged:
    a name that is looked up anew and then leads elsewhere (DNS rebinding) gains nothing.
    TLS still asks for the name's own certificate.
    """

    def __init__(self, *, loopback: bool) -> None:
        """Take whether this machine's own addresses are allowed."""
        self._loopback = loopback
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface's own parameter
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address of a host that may be, and can be, connected to."""
        failure: Exception = httpcore2.ConnectError("no address of this host may be connected to")
        for address in await self._allowed(host, port):
            try:
                return await self._network.connect_tcp(
                    address, port, min(timeout or _A_TRY, _A_TRY), local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _allowed(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore2.ConnectError("the host has no address") from error
        addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
        return [address for address in addresses if self._may(address)]

    def _may(self, address: str) -> bool:
        return is_public(address) or (self._loopback and is_loopback(address))

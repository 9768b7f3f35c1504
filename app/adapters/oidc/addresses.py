"""The addresses to which the service may connect when it fetches a URL. Prevents SSRF (CWE-918)."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network

import httpcore2

from app.settings.origins import is_loopback, unmapped

_ATTEMPT_SECONDS = 1.0
"""The timeout for each address of a host."""
# NAT64 and 6to4: an address in these networks contains an IPv4 address, which may be private.
_TRANSLATED_NETWORKS = tuple(
    map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16"))
)


def is_public(address: str) -> bool:
    """Return whether an address is on the public internet and belongs to a single host."""
    ip = unmapped(address)
    translated = any(ip in network for network in _TRANSLATED_NETWORKS)
    return ip.is_global and not ip.is_multicast and not translated


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects to public addresses and those of `networks`; with `loopback`, also to this machine.

    It never connects to a link-local address: many clouds give out credentials at 169.254.169.254.
    A name is resolved once, and the connection goes to an address that has been checked. So a
    name that later resolves to another address (DNS rebinding) does not bypass the check.
    TLS still verifies the certificate for the name.
    """

    def __init__(
        self, *, loopback: bool, networks: Iterable[IPv4Network | IPv6Network] = ()
    ) -> None:
        """`loopback` also allows loopback addresses, for a developer's machine."""
        self._loopback = loopback
        self._networks = tuple(networks)
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface's own parameter
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the host's first address that is allowed and accepts the connection."""
        failure: Exception = httpcore2.ConnectError("no address of this host is allowed")
        for address in await self._allowed_addresses(host, port):
            try:
                return await self._network.connect_tcp(
                    address,
                    port,
                    min(timeout or _ATTEMPT_SECONDS, _ATTEMPT_SECONDS),
                    local_address,
                    socket_options,
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _allowed_addresses(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            entries = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore2.ConnectError("the host has no address") from error
        addresses = dict.fromkeys(str(entry[4][0]) for entry in entries)
        return [address for address in addresses if self._is_allowed(address)]

    def _is_allowed(self, address: str) -> bool:
        ip = unmapped(address)
        listed = not ip.is_link_local and any(ip in network for network in self._networks)
        return listed or is_public(address) or (self._loopback and is_loopback(address))

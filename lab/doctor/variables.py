"""Checks of shell variables that may change the lab's behaviour unexpectedly."""

import re
import socket
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from lab.stack.config.paths import CHECKOUT
from lab.stack.config.ports import REDIS_PORT, SENTINEL_PORT, addresses_in
from lab.stack.status.findings import Finding, note, problem

# For each variable: the stack's server that the variable replaces, and that server's default port.
SERVERS = {
    "DATABASE_URL": ("PostgreSQL", 5432),
    "REDIS_URL": ("Valkey", REDIS_PORT),
    "RATE_LIMIT_REDIS_URL": ("Valkey for rate limits", REDIS_PORT),
}
CONNECT_TIMEOUT_SECONDS = 2.0

# The variables that curl reads for http://localhost. curl ignores HTTP_PROXY in upper case.
PROXIES = ("http_proxy", "all_proxy", "ALL_PROXY")


def servers(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Check that every server that replaces one of the stack's own servers is reachable."""
    for variable, (server, default_port) in SERVERS.items():
        if url := environment.get(variable):
            # One reachable host is enough.
            is_sentinel = urlsplit(url).scheme.endswith("+sentinel")
            addresses = addresses_in(url, SENTINEL_PORT if is_sentinel else default_port)
            host_and_port = ", ".join(f"{host}:{port}" for host, port in addresses)
            if any(map(_accepts_connections, addresses)):
                yield note(f"{variable} is set: {host_and_port} replaces the stack's own {server}.")
            else:
                yield problem(
                    f"{variable} is set, but no server answers at {host_and_port}.",
                    f"Start that server, or use the stack's own:  unset {variable}",
                )


def proxies(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Check that curl sends requests to this machine directly, not through a proxy."""
    proxy = next((name for name in PROXIES if environment.get(name)), None)
    exempt = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    if proxy and not {"*", "localhost"} & {host.strip() for host in exempt.split(",")}:
        yield problem(
            f"{proxy} sends requests to localhost through a proxy.",
            "Exempt these requests:  export no_proxy=localhost,127.0.0.1,::1",
        )


def python_variables(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Check that no variable makes Python import modules from outside .venv."""
    for variable in ("PYTHONPATH", "PYTHONHOME"):
        if value := environment.get(variable):
            yield problem(
                f"{variable}={value} mixes other modules with those of .venv.",
                f"Remove it:  unset {variable}",
            )


def settings(environment: Mapping[str, str]) -> Iterator[Finding]:
    """List the settings of the service that are set in this shell. The service uses them."""
    example = (CHECKOUT / ".env.example").read_text()
    names = set(re.findall(r"^#?([A-Z][A-Z_]+)=", example, flags=re.MULTILINE)) - set(SERVERS)
    if used := sorted(name for name in names if environment.get(name)):
        yield note(f"The service uses these variables of your shell: {', '.join(used)}.")


def _accepts_connections(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, CONNECT_TIMEOUT_SECONDS).close()
    except OSError:
        return False
    return True

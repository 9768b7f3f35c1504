"""Variables in the shell that change what happens, perhaps to somebody's surprise."""

import re
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from lab.doctor.findings import Finding, note, problem

# By whose URL which of our servers is replaced, and where such a server listens by default.
SERVERS = {
    "DATABASE_URL": ("PostgreSQL", 5432),
    "REDIS_URL": ("Valkey", 6379),
    "RATE_LIMIT_REDIS_URL": ("Valkey for rate limits", 6379),
}
PATIENCE_S = 2.0

# What curl goes by for http://localhost, and it knows the first one in lower case only.
PROXIES = ("http_proxy", "all_proxy", "ALL_PROXY")


def servers(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the servers that are given in place of our own are there."""
    for variable, (server, default_port) in SERVERS.items():
        if url := environment.get(variable):
            parts = urlsplit(url)
            address = (parts.hostname or "localhost", parts.port or default_port)
            where = f"{address[0]}:{address[1]}"
            if _answers(address):
                yield note(f"{variable} is set: {where} takes the place of our own {server}.")
            else:
                yield problem(
                    f"{variable} is set, but nobody answers at {where}.",
                    f"Start that server, or take our own:  unset {variable}",
                )


def proxies(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Whether curl would ask a proxy for what runs on this machine."""
    proxy = next((name for name in PROXIES if environment.get(name)), None)
    exempt = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    if proxy and not {"*", "localhost"} & {host.strip() for host in exempt.split(",")}:
        yield problem(
            f"{proxy} sends requests to localhost through a proxy, too.",
            "Keep them here:  export no_proxy=localhost,127.0.0.1,::1",
        )


def pythons(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Whether Python would take its modules from elsewhere than .venv."""
    for variable in ("PYTHONPATH", "PYTHONHOME"):
        if value := environment.get(variable):
            yield problem(
                f"{variable}={value} mixes other modules with those of .venv.",
                f"Take it away:  unset {variable}",
            )


def settings(environment: Mapping[str, str], checkout: Path) -> Iterator[Finding]:
    """Which settings of the service are set in this shell, and will reach it."""
    example = (checkout / ".env.example").read_text()
    known = set(re.findall(r"^#?([A-Z][A-Z_]+)=", example, flags=re.MULTILINE)) - set(SERVERS)
    if found := sorted(name for name in known if environment.get(name)):
        yield note(f"The service takes these from your shell: {', '.join(found)}.")


def _answers(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, PATIENCE_S).close()
    except OSError:
        return False
    return True

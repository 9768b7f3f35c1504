"""Settings that are web addresses, origins (RFC 6454), or paths."""

import ipaddress
import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from app.settings.types import EnvironmentSettings, Names, in_any_case

# A path without the segments `.` and `..`, which browsers and proxies remove.
_ROOT_PATH: Final = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*")
DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_complete = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_complete = False
    is_plain = value.isascii() and value.isprintable() and not {*"?#@ \\"} & {*value}
    if not is_complete or not is_plain or not value.startswith(("https://", "http://")):
        raise PydanticCustomError(
            "url", "is not a web address; write it like `https://id.example.com`"
        )
    return value


def _origin(value: str) -> str:
    origin = _web_address(value).rstrip("/")
    if urlsplit(origin).path:
        raise PydanticCustomError(
            "url", "is not an origin; write it like `https://api.example.com`"
        )
    return origin


def _root_path(value: str) -> str:
    path = value.rstrip("/")
    # Some proxies remove the root path, and some do not. Many paths of the service begin with /api.
    # So with the root path /api, the service could not tell whether the first /api of a path is the
    # root path.
    if not _ROOT_PATH.fullmatch(path) or path.split("/")[1:2] == ["api"]:
        raise PydanticCustomError(
            "url", "is not a path outside /api; write it like `/shop`, in letters, digits and ._~-"
        )
    return path


def _browser_origins(values: tuple[str, ...]) -> tuple[str, ...]:
    # The result is as browsers write origins: in lower case, and without the scheme's default port.
    if any("*" in value for value in values):
        raise PydanticCustomError("url", "has a wildcard; list each origin")
    origins = (_origin(value).lower() for value in values)
    return tuple(it.removesuffix(DEFAULT_PORTS[it.partition(":")[0]]) for it in origins)


WebAddress = Annotated[str, AfterValidator(_web_address)]
"""A URL without a query."""
Origin = Annotated[str, AfterValidator(_origin)]
"""Scheme, host and port; no path."""
RootPath = Annotated[str, AfterValidator(_root_path)]
"""The path of a URL, without a slash at the end. Empty for the whole host."""
BrowserOrigins = Annotated[Names, AfterValidator(_browser_origins)]
"""Origins, separated by commas; as browsers write them in the Origin header."""


class OriginSettings(EnvironmentSettings):
    """Where the service runs, and where clients reach it."""

    environment: Annotated[Literal["production", "local"], in_any_case] = "production"
    # The Host headers that are accepted; `*` accepts every Host header.
    allowed_hosts: Names = ("*",)
    # The origin at which browsers reach the service. Identity providers redirect browsers to this
    # origin. By default, it is the origin in the browser's request.
    public_url: Origin | None = None
    # The path below which clients reach the service, if it shares a host with other services.
    root_path: RootPath = ""


def is_loopback(host: str) -> bool:
    """Return whether a host is `localhost` or a loopback address, IPv4-mapped or not."""
    try:
        return unmapped(host).is_loopback
    except ValueError:
        return host == "localhost"


def unmapped(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Parse an IP address. An IPv4-mapped IPv6 address becomes an IPv4 address.

    Raises `ValueError`.
    """
    ip = ipaddress.ip_address(address)
    return getattr(ip, "ipv4_mapped", None) or ip

"""Where a request goes: what was typed as its address, completed by the stack that runs here."""

import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from lab.stack.environment import Choices
from lab.stack.paths import Paths
from lab.stack.state import State
from lab.trace.failures import UsageError

_PORTS = {"http": 80, "https": 443}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# What RFC 3986 allows in a path or a query, and the percent sign of what is encoded already.
_SAFE = "%/:?&=+$,;@!*'()~[]"


@dataclass(frozen=True)
class Nearby:
    """The stack that runs on this machine."""

    choices: Choices
    ca_certificate: Path

    @classmethod
    def find(cls, paths: Paths) -> "Nearby | None":
        """Return it if it serves."""
        state = State.load(paths)
        if state is None or not state.ready:
            return None
        return cls(state.choices, paths.ca_certificate)

    @property
    def http(self) -> str:
        """Its address without TLS."""
        return f"http://localhost:{self.choices.http_port}"

    @property
    def best(self) -> str:
        """Its address with TLS where its authority can be read, else without."""
        try:
            self.ca_certificate.read_bytes()
        except OSError:
            return self.http
        return f"https://localhost:{self.choices.https_port}"


@dataclass(frozen=True)
class Target:
    """One resource of one server."""

    scheme: str
    host: str
    port: int
    path: str
    query: str = ""
    ca: Path | None = None
    is_nearby: bool = False

    @property
    def origin(self) -> str:
        """Scheme, host, and the port if it is not the scheme's own."""
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """What the Host header says (RFC 9110, section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def request_target(self) -> str:
        """Path and query, as the request line has them."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def shown_path(self) -> str:
        """The path and the names of the parameters: a value may be a token."""
        names = [parameter.partition("=")[0] for parameter in self.query.split("&") if parameter]
        return f"{self.path}?{'&'.join(f'{name}=…' for name in names)}" if names else self.path

    def trust(self) -> ssl.SSLContext | None:
        """Return what TLS believes in: one authority, or those of the system; None without TLS.

        :raises UsageError: when the authority's file is none.
        """
        if self.scheme == "http":
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca and str(self.ca))
        except OSError as error:
            raise UsageError(
                f"{self.ca} is no certificate of an authority: {error.strerror}."
            ) from error
        context.set_alpn_protocols(["http/1.1"])
        return context


def parse_target(
    text: str,
    query: Sequence[tuple[str, str]] = (),
    *,
    nearby: Nearby | None = None,
    ca: Path | None = None,
) -> Target:
    """Read `https://host/path`, `host/path`, `:8080/path`, or `/path` of the stack nearby.

    :raises UsageError: when it is no address.
    """
    parts = _split(text, nearby)
    try:
        port = parts.port or _PORTS[parts.scheme]
        host = (parts.hostname or "").encode("idna").decode()
    except (ValueError, KeyError) as error:
        raise UsageError(f"`{text}` is no http:// or https:// address.") from error
    if not host or parts.username is not None:
        raise UsageError(
            f"Name a host, and no user: https://{host or 'localhost'}{parts.path or '/'}. "
            "A user's name and password are a header:  Authorization:'Basic …'"
        )
    of_stack = nearby is not None and _belongs(nearby.choices, parts.scheme, host, port)
    return Target(
        scheme=parts.scheme,
        host=host,
        port=port,
        path=quote(parts.path or "/", safe=_SAFE),
        query="&".join(filter(None, (quote(parts.query, safe=_SAFE), urlencode(query)))),
        ca=ca or (nearby.ca_certificate if nearby and of_stack else None),
        is_nearby=of_stack,
    )


def _split(text: str, nearby: Nearby | None) -> SplitResult:
    if text.startswith("/") and nearby is not None:
        text = nearby.best + text
    elif text.startswith(":"):
        text = f"http://localhost{text}"
    elif not _SCHEME.match(text):
        text = f"http://{text}"
    try:
        return urlsplit(text)
    except ValueError as error:
        raise UsageError(f"`{text}` is no address: {error}.") from error


def _belongs(choices: Choices, scheme: str, host: str, port: int) -> bool:
    own = choices.https_port if scheme == "https" else choices.http_port
    return host in {"localhost", "127.0.0.1", "::1"} and port == own

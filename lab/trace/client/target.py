"""The address of a request. A path without a host gets the running stack's origin."""

import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from lab.stack.config.environment import Choices
from lab.stack.config.paths import Paths
from lab.stack.state import State
from lab.trace.client.failures import UsageError

_PORTS = {"http": 80, "https": 443}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# The characters that RFC 3986 allows in a path or a query. With `%`, encoded parts stay unchanged.
_SAFE = "%/:?&=+$,;@!*'()~[]"


@dataclass(frozen=True)
class RunningStack:
    """The stack that runs on this machine."""

    choices: Choices
    ca_certificate: Path

    @classmethod
    def find(cls, paths: Paths) -> "RunningStack | None":
        """Return the stack if it is ready."""
        state = State.load(paths)
        if state is None or not state.ready:
            return None
        return cls(state.choices, paths.ca_certificate)

    @property
    def http_origin(self) -> str:
        """The origin without TLS."""
        return f"http://localhost:{self.choices.http_port}"

    @property
    def best_origin(self) -> str:
        """The origin with TLS if the authority's certificate can be read, else without TLS."""
        try:
            self.ca_certificate.read_bytes()
        except OSError:
            return self.http_origin
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
    is_local_stack: bool = False

    @property
    def origin(self) -> str:
        """Scheme, host, and the port if it is not the scheme's default."""
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """The value of the Host header (RFC 9110, section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def request_target(self) -> str:
        """Path and query, as in the request line."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def shown_path(self) -> str:
        """The path and the parameters' names without their values, which may be tokens."""
        names = [parameter.partition("=")[0] for parameter in self.query.split("&") if parameter]
        return f"{self.path}?{'&'.join(f'{name}=…' for name in names)}" if names else self.path

    def tls_context(self) -> ssl.SSLContext | None:
        """Return a context that trusts `ca`, or the system's authorities. None for `http`.

        :raises UsageError: when the file `ca` is not a certificate.
        """
        if self.scheme == "http":
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca and str(self.ca))
        except OSError as error:
            raise UsageError(
                f"{self.ca} is not a certificate of an authority: {error.strerror}."
            ) from error
        context.set_alpn_protocols(["http/1.1"])
        return context


def parse_target(
    text: str,
    query: Sequence[tuple[str, str]] = (),
    *,
    stack: RunningStack | None = None,
    ca: Path | None = None,
) -> Target:
    """Parse `https://host/path`, `host/path`, `:8080/path`, or a `/path` of the running stack.

    :raises UsageError: when the text is not an address.
    """
    parts = _split(text, stack)
    try:
        port = parts.port or _PORTS[parts.scheme]
        host = (parts.hostname or "").encode("idna").decode()
    except (ValueError, KeyError) as error:
        raise UsageError(f"`{text}` is not an http:// or https:// address.") from error
    if not host or parts.username is not None:
        raise UsageError(
            f"An address has a host and no user: https://{host or 'localhost'}{parts.path or '/'}. "
            "Send a user's name and password in a header:  Authorization:'Basic …'"
        )
    is_local = stack is not None and _is_stack(stack.choices, parts.scheme, host, port)
    return Target(
        scheme=parts.scheme,
        host=host,
        port=port,
        path=quote(parts.path or "/", safe=_SAFE),
        query="&".join(filter(None, (quote(parts.query, safe=_SAFE), urlencode(query)))),
        ca=ca or (stack.ca_certificate if stack and is_local else None),
        is_local_stack=is_local,
    )


def _split(text: str, stack: RunningStack | None) -> SplitResult:
    if text.startswith("/") and stack is not None:
        text = stack.best_origin + text
    elif text.startswith(":"):
        text = f"http://localhost{text}"
    elif not _SCHEME.match(text):
        text = f"http://{text}"
    try:
        return urlsplit(text)
    except ValueError as error:
        raise UsageError(f"`{text}` is not an address: {error}.") from error


def _is_stack(choices: Choices, scheme: str, host: str, port: int) -> bool:
    stack_port = choices.https_port if scheme == "https" else choices.http_port
    return host in {"localhost", "127.0.0.1", "::1"} and port == stack_port

"""Roundtrip and the Fastify service of `make bench`, with the same PostgreSQL and Valkey."""

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
from redis import Redis

from lab.bench.backends import Backends, sign_in
from lab.bench.pinning import Processors
from lab.bench.subjects import PeerSubject, Subject
from lab.stack.processes.waiting import wait_until

LOGS_STATEMENTS: Final = {"log_statement": "all", "log_line_prefix": "%a: "}
"""The PostgreSQL settings that `Pair.statements` needs."""
_STATEMENT: Final = re.compile(
    r"^(\w+): LOG:  (?:execute [^:]+|statement): ?(.*(?:\n\t.*)*)", re.MULTILINE
)
_CACHE_KEY: Final = re.compile(r"roundtrip:cache:\{[a-z]+(?::\d+)?\}")
# These headers differ between connections, requests or times. Another test compares `ratelimit`.
_NOT_COMPARED: Final = ("connection", "keep-alive", "date", "x-request-id", "ratelimit")


def headers_of(response: httpx2.Response, *without: str) -> dict[str, str]:
    """Return the headers that must be equal in the responses of both services."""
    excluded = {*_NOT_COMPARED, *without}
    return {name: value for name, value in response.headers.items() if name not in excluded}


def compared_parts(response: httpx2.Response) -> tuple[int, bytes, dict[str, str]]:
    """Return what must be equal in both responses: status, body, and some headers."""
    return response.status_code, response.content, headers_of(response)


def without_texts(response: httpx2.Response) -> dict[str, Any]:
    """Return a problem without its texts and its request id. Of each error, keep the pointer."""
    problem = response.json()
    for name in ("detail", "instance", "request_id"):
        del problem[name]
    pointers = [error["pointer"] for error in problem.get("errors", [])]
    return {**problem, "errors": pointers}


def log_line(subject: Subject, request_id: str) -> dict[str, Any]:
    """Return the fields of the only log line of a request.

    The line may be written after the response, so this function waits for it.
    """
    assert subject.log is not None
    log = subject.log
    lines = wait_until(
        lambda: [line for line in log.read_text().splitlines() if request_id in line], timeout_s=5
    )
    assert lines, f"{subject.name} did not log the request"
    (line,) = lines
    return dict(json.loads(line))


@dataclass(frozen=True)
class Pair:
    """A process of each service with the same settings, and a token that both accept."""

    backends: Backends
    ours: Subject
    fastify: PeerSubject
    token: str

    @property
    def user(self) -> str:
        """The path of the token's user."""
        return f"/api/users/{self.backends.user_id}"

    @property
    def order(self) -> dict[str, Any]:
        """An order of two products. The product with the higher id is first."""
        first, second, *_ = self.backends.product_ids
        items = [{"product_id": second, "quantity": 3}, {"product_id": first, "quantity": 1}]
        return {"items": items}

    def send(self, subject: Subject, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send a request with the token, unless `headers` contains Authorization."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        url = f"http://127.0.0.1:{subject.port}{path}"
        return httpx2.request(method, url, headers=headers, **options)

    def send_to_both(
        self, method: str, path: str, **options: Any
    ) -> tuple[httpx2.Response, httpx2.Response]:
        """Send the same request to Roundtrip, then to Fastify."""
        ours = self.send(self.ours, method, path, **options)
        return ours, self.send(self.fastify, method, path, **options)

    def statements(self, client: str, *, after: int) -> list[str]:
        """Return the distinct statements of a client in PostgreSQL's log, in their order.

        Only the part of the log after the first `after` characters is read.
        """
        log = self._log.read_text()[after:]
        texts = (" ".join(text.split()) for name, text in _STATEMENT.findall(log) if name == client)
        return list(dict.fromkeys(texts))

    @property
    def log_size(self) -> int:
        """The size of PostgreSQL's log in characters."""
        return len(self._log.read_text())

    @property
    def _log(self) -> Path:
        assert self.backends.postgres.log is not None
        return self.backends.postgres.log

    def valkey_commands(
        self, subject: Subject, method: str, path: str, **options: Any
    ) -> list[tuple[str, list[str]]]:
        """Send a request; return the commands that Valkey runs for it, with their cache keys.

        The commands are sorted, and include those that scripts run.
        """
        with Redis.from_url(self.backends.valkey.url) as redis, redis.monitor() as monitor:
            self.send(subject, method, path, **options).raise_for_status()
            redis.echo("END")
            texts = list(iter(lambda: str(monitor.next_command()["command"]), "ECHO END"))
        # Once a second, our service checks with this key whether Valkey accepts writes.
        texts = [text for text in texts if not text.endswith(":missing")]
        commands = [
            (text.partition(" ")[0].upper(), sorted(_CACHE_KEY.findall(text))) for text in texts
        ]
        # The test's own connection, which sends ECHO, may also send HELLO, CLIENT and AUTH. A
        # service sends PEXPIRE only once a minute, when the window of the rate limit starts.
        excluded = {"HELLO", "CLIENT", "AUTH", "PEXPIRE"}
        return sorted(command for command in commands if command[0] not in excluded)

    def clear_valkey(self) -> None:
        """Delete all cached reads and rate limit counts."""
        with Redis.from_url(self.backends.valkey.url) as redis:
            redis.flushdb()


@contextmanager
def running_pair(backends: Backends, program: Path, name: str, **settings: str) -> Iterator[Pair]:
    """Start a process of each service. The end of the block stops both."""
    processors = Processors.available().all
    ours = Subject(f"ours-{name}", backends, processors, **settings)
    fastify = PeerSubject(f"fastify-{name}", backends, processors, program, **settings)
    with ours, fastify:
        yield Pair(backends, ours, fastify, sign_in(ours.port))


def order_request(pair: Pair, key: str | None = None, **changes: Any) -> dict[str, Any]:
    """Return the arguments of `Pair.send` for an order. Without `key`, the key is random."""
    headers = {"Idempotency-Key": key or secrets.token_hex(8)}
    return {"method": "POST", "path": f"{pair.user}/orders", "json": pair.order,
            "headers": headers, **changes}  # fmt: skip

"""Our service and the Fastify service of `make bench`, side by side on the same servers."""

import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
from redis import Redis

from lab.bench.ground import Backends, sign_in
from lab.bench.pinning import Processors
from lab.bench.subjects import PeerSubject, Subject

LOGS_STATEMENTS: Final = {"log_statement": "all", "log_line_prefix": "%a: "}
"""PostgreSQL's settings with which `Pair.statements` can be read."""
_STATEMENT: Final = re.compile(
    r"^(\w+): LOG:  (?:execute [^:]+|statement): ?(.*(?:\n\t.*)*)", re.MULTILINE
)
_CACHE_KEY: Final = re.compile(r"roundtrip:cache:[a-z]+(?::\d+)?")
# Of the connection or of the moment; the counts of the rate limit are compared on their own.
_NOT_COMPARED: Final = ("connection", "keep-alive", "date", "x-request-id", "ratelimit")


def headers_of(response: httpx2.Response, *without: str) -> dict[str, str]:
    """Return the headers that have to be the same in both."""
    left_out = {*_NOT_COMPARED, *without}
    return {name: value for name, value in response.headers.items() if name not in left_out}


def answer(response: httpx2.Response) -> tuple[int, bytes, dict[str, str]]:
    """Return what has to be the same in both: status, body, and headers."""
    return response.status_code, response.content, headers_of(response)


def places(response: httpx2.Response) -> dict[str, Any]:
    """Return a problem without its sentences and its request id."""
    problem = response.json()
    for name in ("detail", "instance", "request_id"):
        del problem[name]
    pointers = [error["pointer"] for error in problem.get("errors", [])]
    return {**problem, "errors": pointers}


def logged(subject: Subject, request_id: str) -> dict[str, Any]:
    """Return the one line of a request, which may follow its response."""
    assert subject.log is not None
    for _ in range(100):
        lines = [line for line in subject.log.read_text().splitlines() if request_id in line]
        if lines:
            (line,) = lines
            return dict(json.loads(line))
        time.sleep(0.05)
    raise AssertionError(f"{subject.name} has not logged the request")


@dataclass(frozen=True)
class Pair:
    """A process of each service with the same settings, and a token for both."""

    ground: Backends
    ours: Subject
    fastify: PeerSubject
    token: str

    @property
    def user(self) -> str:
        """The path of the user that the token belongs to."""
        return f"/api/users/{self.ground.user_id}"

    @property
    def order(self) -> dict[str, Any]:
        """An order of two products, the higher id first."""
        first, second, *_ = self.ground.product_ids
        items = [{"product_id": second, "quantity": 3}, {"product_id": first, "quantity": 1}]
        return {"items": items}

    def ask(self, subject: Subject, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send a request with the token, or with the headers that are given."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        url = f"http://127.0.0.1:{subject.port}{path}"
        return httpx2.request(method, url, headers=headers, **options)

    def ask_both(
        self, method: str, path: str, **options: Any
    ) -> tuple[httpx2.Response, httpx2.Response]:
        """Send the same request to our service, then to the other."""
        ours = self.ask(self.ours, method, path, **options)
        return ours, self.ask(self.fastify, method, path, **options)

    def statements(self, client: str, *, after: int) -> list[str]:
        """Return the different statements that PostgreSQL has logged for a client, in order."""
        log = self._log.read_text()[after:]
        texts = (" ".join(text.split()) for name, text in _STATEMENT.findall(log) if name == client)
        return list(dict.fromkeys(texts))

    @property
    def log_size(self) -> int:
        """How long the log of PostgreSQL is, in characters."""
        return len(self._log.read_text())

    @property
    def _log(self) -> Path:
        assert self.ground.postgres.log is not None
        return self.ground.postgres.log

    def valkey_commands(
        self, subject: Subject, method: str, path: str, **options: Any
    ) -> list[tuple[str, list[str]]]:
        """Return the commands of a request and of its scripts, sorted, with the cache's keys."""
        with Redis.from_url(self.ground.valkey.url) as redis, redis.monitor() as monitor:
            self.ask(subject, method, path, **options).raise_for_status()
            redis.echo("END")
            texts = list(iter(lambda: str(monitor.next_command()["command"]), "ECHO END"))
        commands = [
            (text.partition(" ")[0].upper(), sorted(_CACHE_KEY.findall(text))) for text in texts
        ]
        # The connection that says where the end is begins with some of these. PEXPIRE begins the
        # window of the rate limit, once a minute.
        left_out = {"HELLO", "CLIENT", "AUTH", "PEXPIRE"}
        return sorted(command for command in commands if command[0] not in left_out)

    def clear_valkey(self) -> None:
        """Delete all cached reads and counts."""
        with Redis.from_url(self.ground.valkey.url) as redis:
            redis.flushdb()


@contextmanager
def running_pair(ground: Backends, program: Path, name: str, **settings: str) -> Iterator[Pair]:
    """Start a process of each service, and end both with the block."""
    everywhere = Processors.available().all
    ours = Subject(f"ours-{name}", ground, everywhere, **settings)
    fastify = PeerSubject(f"fastify-{name}", ground, everywhere, program, **settings)
    with ours, fastify:
        yield Pair(ground, ours, fastify, sign_in(ours.port))


def ordering(pair: Pair, key: str | None = None, **changes: Any) -> dict[str, Any]:
    """Return what `Pair.ask` takes for an order with this key, by default a new one."""
    headers = {"Idempotency-Key": key or secrets.token_hex(8)}
    return {"method": "POST", "path": f"{pair.user}/orders", "json": pair.order,
            "headers": headers, **changes}  # fmt: skip

"""The processes that are measured. The Python processes run in uvicorn as in production."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lab.bench import peer
from lab.bench.backends import Backends
from lab.bench.pinning import Processors, pinned_to
from lab.bench.receiver import receiver
from lab.cluster.programs import program
from lab.stack.config.ports import LOOPBACK, free_port
from lab.stack.errors import LabError
from lab.stack.servers.apps import AppProcess, answers_ok
from lab.stack.servers.caddy import CaddyServer


class Subject(AppProcess):
    """One process of the service, which runs only on the given processors."""

    def __init__(
        self, name: str, backends: Backends, processors: frozenset[int], **settings: str
    ) -> None:
        """Take `settings` of the service, such as `CACHE="off"`."""
        directory = backends.directory / name
        settings = {"PASSWORD_THREADS": str(len(processors) or 1), **settings}
        super().__init__(
            name,
            directory,
            # As in production, the process writes a line for each request. The line goes to a file.
            log=directory / "server.log",
            environment=partial(backends.environment, **settings),
        )
        self._processors = processors

    def launch(self) -> None:
        """Start the process. It runs only on the processors of this subject."""
        with pinned_to(self._processors):
            super().launch()


class BareSubject(Subject):
    """A small app of the benchmark in uvicorn, such as `bare.py`."""

    def __init__(self, module: str, backends: Backends, processors: frozenset[int]) -> None:
        """Take the name of the app's module in `references`."""
        super().__init__(module, backends, processors)
        self.application = (f"lab.bench.references.{module}:app",)

    def ready(self) -> bool:
        """Return whether the app answers. The app has no /readyz, so this reads a user."""
        return answers_ok(f"http://{LOOPBACK}:{self.port}/api/users/1")


class PeerSubject(Subject):
    """One process of the Fastify service."""

    def __init__(
        self,
        name: str,
        backends: Backends,
        processors: frozenset[int],
        program: Path,
        **settings: str,
    ) -> None:
        """Take the `program` that `peer.install` has returned."""
        super().__init__(name, backends, processors, NODE_ENV="production", **settings)
        self._program = program

    def _command(self) -> list[str]:
        return ["node", str(self._program), str(self.port)]


@dataclass(frozen=True)
class Pair:
    """Two processes of the same kind: one with a cache (hot), one without (cold)."""

    hot: Subject
    cold: Subject


@dataclass(frozen=True)
class Subjects:
    """All processes that are measured over HTTP.

    They all run during the whole benchmark: an idle process uses almost no processor time.
    """

    bare: BareSubject
    one_row: BareSubject
    strawberry: BareSubject
    hot: Subject
    traced: Subject
    """Like the process `hot`, but it exports the spans of every request."""
    sampled: Subject
    """Like the process `traced`, but only one request in ten is traced."""
    cold: Subject
    balanced: CaddyServer
    """Caddy in front of two processes."""
    peers: Pair | LabError
    """The Fastify service, or the reason why it cannot run."""
    pooled: Pair | LabError
    """The service with PostgreSQL behind PgBouncer, or the reason why PgBouncer cannot run."""


@contextmanager
def running_subjects(backends: Backends, processors: Processors) -> Iterator[Subjects]:
    """Start all processes that are measured, and stop them after the block."""
    with ExitStack() as exit_stack:
        bare = BareSubject("bare", backends, processors.server)
        one_row = BareSubject("one_row", backends, processors.server)
        strawberry = BareSubject("strawberry_app", backends, processors.server)
        hot = Subject("hot", backends, processors.server)
        endpoint = exit_stack.enter_context(receiver())
        tracing = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_SERVICE_NAME": "roundtrip"}
        traced = Subject("traced", backends, processors.server, **tracing)
        one_in_ten = {
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.1",
        }
        sampled = Subject("sampled", backends, processors.server, **tracing, **one_in_ten)
        cold = Subject("cold", backends, processors.server, CACHE="off")
        pair = [Subject(f"app-{number}", backends, processors.all) for number in (1, 2)]
        peers = _peers(backends, processors)
        pooled = _pooled(exit_stack, backends, processors)
        optional = [
            subject
            for found in (peers, pooled)
            if isinstance(found, Pair)
            for subject in (found.hot, found.cold)
        ]
        processes = [bare, one_row, strawberry, hot, traced, sampled, cold, *pair, *optional]
        for subject in processes:
            exit_stack.callback(subject.stop)
            subject.launch()
        for subject in processes:
            subject.wait_until_ready()
        balanced = exit_stack.enter_context(_caddy(backends, pair, processors))
        # Callbacks run in reverse order. First, all processes get the stop signal. Then each
        # process is awaited.
        for subject in processes:
            exit_stack.callback(subject.send_stop_signal)
        yield Subjects(
            bare, one_row, strawberry, hot, traced, sampled, cold, balanced, peers, pooled
        )


def _peers(backends: Backends, processors: Processors) -> Pair | LabError:
    try:
        program = peer.install(backends.directory / "fastify")
    except LabError as missing:
        return missing
    return Pair(
        PeerSubject("peer-hot", backends, processors.server, program),
        PeerSubject("peer-cold", backends, processors.server, program, CACHE="off"),
    )


def _pooled(exit_stack: ExitStack, backends: Backends, processors: Processors) -> Pair | LabError:
    """Start PgBouncer, and return two processes that use it and are not started yet."""
    try:
        program("pgbouncer")
    except LabError as missing:
        return missing
    pooler = exit_stack.enter_context(backends.pooler())
    settings = pooler.service_settings(backends.postgres.url)
    return Pair(
        Subject("pooled-hot", backends, processors.server, **settings),
        Subject("pooled-cold", backends, processors.server, **settings, CACHE="off"),
    )


@contextmanager
def _caddy(
    backends: Backends, pair: list[Subject], processors: Processors
) -> Iterator[CaddyServer]:
    directory = backends.directory / "caddy"
    caddy = CaddyServer(
        directory,
        ports=(free_port(), free_port()),
        ca_certificate=backends.directory / "ca.crt",
        log=directory / "server.log",
        upstreams=lambda: [subject.port for subject in pair],
    )
    caddy.open_sockets("bench")
    try:
        with pinned_to(processors.all):
            caddy.start()
        yield caddy
    finally:
        caddy.stop()
        caddy.close_sockets()

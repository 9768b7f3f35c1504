"""The processes that are measured, each under uvicorn with the options of production."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

from lab.bench import peer
from lab.bench.ground import Ground
from lab.bench.peer import PeerMissingError
from lab.bench.pinning import Processors, pinned_to
from lab.bench.receiver import receiver
from lab.stack.apps import AppProcess, answers_ok
from lab.stack.caddy import CaddyServer, PublicSockets
from lab.stack.ports import LOOPBACK, free_port


class Subject(AppProcess):
    """One process of the service, on the processors that it is given."""

    def __init__(
        self, name: str, ground: Ground, processors: frozenset[int], **settings: str
    ) -> None:
        """Take `settings` of the service, such as `CACHE="off"`."""
        directory = ground.directory / name
        settings = {"PASSWORD_THREADS": str(len(processors) or 1), **settings}
        super().__init__(
            name,
            directory,
            # A line for each request is written, as in production; to a file.
            log=directory / "server.log",
            environment=partial(ground.environment, **settings),
        )
        self._processors = processors

    def launch(self) -> None:
        """Begin the process, which inherits where it may run."""
        with pinned_to(self._processors):
            super().launch()


class BareSubject(Subject):
    """The smallest app on the same server."""

    application = ("lab.bench.bare:app",)

    def ready(self) -> bool:
        """Whether it answers; there is nothing that it could wait for."""
        connection = HTTPConnection(LOOPBACK, self.port, timeout=1)
        return answers_ok(connection, "/api/users/1")


class OneRowSubject(BareSubject):
    """The same with one query."""

    application = ("lab.bench.one_row:app",)


class PeerSubject(Subject):
    """One process of the Fastify service."""

    def __init__(
        self,
        name: str,
        ground: Ground,
        processors: frozenset[int],
        program: Path,
        **settings: str,
    ) -> None:
        """Take the `program` that `peer.install` has returned."""
        super().__init__(name, ground, processors, NODE_ENV="production", **settings)
        self._program = program

    def _command(self) -> list[str]:
        return ["node", str(self._program), str(self.port)]


@dataclass(frozen=True)
class Peers:
    """The Fastify service with the settings of our hot and of our cold process."""

    hot: PeerSubject
    cold: PeerSubject


@dataclass(frozen=True)
class Subjects:
    """All that is measured over HTTP, running side by side; who is not asked costs nothing."""

    bare: BareSubject
    one_row: OneRowSubject
    hot: Subject
    traced: Subject
    """Like the hot one; every request's spans are sent out."""
    sampled: Subject
    """Like the traced one, with one trace in ten."""
    cold: Subject
    balanced: CaddyServer
    """Caddy with two processes behind it."""
    peers: Peers | PeerMissingError
    """The Fastify service, or why it is missing."""


@contextmanager
def running_subjects(ground: Ground, processors: Processors) -> Iterator[Subjects]:
    """Start all of them; end them with the block."""
    with ExitStack() as running:
        bare = BareSubject("bare", ground, processors.server)
        one_row = OneRowSubject("one-row", ground, processors.server)
        hot = Subject("hot", ground, processors.server)
        endpoint = running.enter_context(receiver())
        tracing = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_SERVICE_NAME": "roundtrip"}
        traced = Subject("traced", ground, processors.server, **tracing)
        one_in_ten = {
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.1",
        }
        sampled = Subject("sampled", ground, processors.server, **tracing, **one_in_ten)
        cold = Subject("cold", ground, processors.server, CACHE="off")
        pair = [Subject(f"app-{number}", ground, processors.all) for number in (1, 2)]
        peers = _peers(ground, processors)
        fastify = [peers.hot, peers.cold] if isinstance(peers, Peers) else []
        everyone = [bare, one_row, hot, traced, sampled, cold, *pair, *fastify]
        for subject in everyone:
            running.callback(subject.stop)
            subject.launch()
        for subject in everyone:
            subject.wait_until_ready()
        balanced = running.enter_context(_caddy(ground, pair, processors))
        # Last in, first out: all are told to end before the first is waited for.
        for subject in everyone:
            running.callback(subject.send_stop_signal)
        yield Subjects(bare, one_row, hot, traced, sampled, cold, balanced, peers)


def _peers(ground: Ground, processors: Processors) -> Peers | PeerMissingError:
    try:
        program = peer.install(ground.directory / "fastify")
    except PeerMissingError as missing:
        return missing
    return Peers(
        PeerSubject("peer-hot", ground, processors.server, program),
        PeerSubject("peer-cold", ground, processors.server, program, CACHE="off"),
    )


@contextmanager
def _caddy(ground: Ground, pair: list[Subject], processors: Processors) -> Iterator[CaddyServer]:
    directory = ground.directory / "caddy"
    ports = free_port(), free_port()
    caddy = CaddyServer(
        directory,
        ports=ports,
        ca_certificate=ground.directory / "ca.crt",
        log=directory / "server.log",
        upstreams=lambda: [subject.port for subject in pair],
    )
    caddy.public_sockets = PublicSockets.open(*ports, "bench")
    try:
        with pinned_to(processors.all):
            caddy.start()
        yield caddy
    finally:
        caddy.stop()
        caddy.public_sockets.close()

"""A stack under load, and the faults that are made in it."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg

from lab.bench.load.traffic import traffic
from lab.stack.processes.waiting import wait_until
from lab.stack.servers.server import Server
from lab.stack.stack import Stack
from tests.e2e.faults.audit import Audit
from tests.e2e.faults.journal import Journal
from tests.e2e.local_stack import NO_PROVIDER, LocalStack, running_stack, wait_until_replaced
from tests.integration.faults import wait_for_end_of_transactions
from tests.mailbox import Mailbox, running_mailbox
from tests.service import HIGH_LIMITS

# `make faults` sends more. The short run of `make slow` shares the machine with other tests.
REQUESTS_PER_SECOND = int(os.environ.get("FAULTS_RATE") or 20)
RECOVERY_TIMEOUT_SECONDS = 60
# Enough for delayed messages: a killed worker's jobs run again within 12 s, and failed jobs after
# growing pauses.
_DELIVERY_TIMEOUT_SECONDS = 90

KINDS: Mapping[str, Callable[[Stack], Sequence[Server]]] = {
    "app process": lambda stack: stack.apps,
    "worker": lambda stack: stack.workers,
    "PostgreSQL": lambda stack: [stack.postgres],
    "Valkey": lambda stack: [stack.valkey, stack.limits],
}
"""For each kind of server, the servers that may be killed."""


@dataclass
class Scene:
    """A started stack, and the mail server of its service."""

    stack: LocalStack
    servers: Stack
    mailbox: Mailbox
    mail_server: ExitStack
    """Its `close` stops the mail server."""

    @classmethod
    @contextmanager
    def open(cls) -> Iterator["Scene"]:
        """Start a new stack, which ends with the block."""
        mailbox = Mailbox()
        settings = {**NO_PROVIDER, **HIGH_LIMITS, **mailbox.settings}
        with ExitStack() as mail_server:
            mail_server.enter_context(running_mailbox(mailbox))
            with running_stack(**settings) as stack:
                yield cls(stack, stack.parts, mailbox, mail_server)

    @contextmanager
    def load(self) -> Iterator[Journal]:
        """Send requests while the block runs, and then until the outcome of each write is known."""
        journal = Journal.open(self.stack.http_port, self.servers.libpq_url)
        with traffic(journal.calls(), rate=REQUESTS_PER_SECOND, record=journal):
            yield journal
        with traffic(journal.repetitions(), rate=REQUESTS_PER_SECOND, record=journal):
            # Not an assertion: the audit names the writes whose outcome is still unknown.
            wait_until(journal.is_settled, timeout_s=RECOVERY_TIMEOUT_SECONDS)

    def audit(self, journal: Journal, *, deliveries: int) -> dict[str, list[str]]:
        """Return the broken promises. A message may arrive at most `deliveries` times."""
        with psycopg.connect(self.servers.libpq_url, autocommit=True) as database:
            wait_for_end_of_transactions(database)
            audit = Audit.of(journal, database)

        def undelivered() -> list[str]:
            return list(audit.undelivered(self.deliveries, at_most=deliveries))

        wait_until(lambda: not undelivered(), timeout_s=_DELIVERY_TIMEOUT_SECONDS)
        broken = audit.broken_promises()
        if messages := undelivered():
            broken["messages lost or sent too often"] = messages
        return broken

    @property
    def deliveries(self) -> Counter[str]:
        """How many messages each address has got."""
        return Counter(str(message["To"]) for message in self.mailbox.messages)


def kill_and_wait(server: Server) -> None:
    """Kill a server, and wait until the supervisor has replaced it."""
    before = server.identity
    assert server.processes, f"{server.name} does not run"
    server.kill()
    wait_until_replaced(server, before)

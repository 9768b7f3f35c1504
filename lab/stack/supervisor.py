"""The process that starts the parts in their order, keeps them alive and ends them in theirs."""

import dataclasses
import os
import time
from collections.abc import Callable, Iterable

from lab.stack.apps import migrate
from lab.stack.caddy import FrontDoor
from lab.stack.errors import AlreadyRunningError, InterruptedStartError
from lab.stack.identity import Identity
from lab.stack.keeper import Keeper
from lab.stack.lock import Lock
from lab.stack.servers import Server
from lab.stack.signals import StopSignals
from lab.stack.slow_sql import SlowSql
from lab.stack.stack import Stack
from lab.stack.state import State

LOOK_EVERY_S = 0.1


class Supervisor:
    """Runs one stack from this process until it is told to stop."""

    def __init__(self, stack: Stack, say: Callable[[str], None], *, target: str) -> None:
        """`say` gets a line for a person; `target` is the make target that they typed."""
        self._stack = stack
        self._say = say
        self._target = target
        self._signals = StopSignals()
        self._state = State(Identity.of(os.getpid()), stack.choices)

    def run(self, when_ready: Callable[[], None]) -> None:
        """Return once the stack has been stopped; call `when_ready` once it serves.

        :raises AlreadyRunningError: when another process runs it.
        :raises LabError: when a part does not start; what had been started is ended again.
        """
        self._signals.listen()
        self._stack.paths.prepare()
        lock = Lock(self._stack.paths.lock)
        if not lock.acquire():
            raise AlreadyRunningError(
                f"A stack runs already on {self._stack.paths.root}.\n"
                f"See it:  make status   End it:  make stop"
            )
        try:
            self._start()
            when_ready()
            self._watch()
        except InterruptedStartError as interruption:
            self._say(str(interruption))
        finally:
            self._stop()
            lock.release()

    def _start(self) -> None:
        for name in self._stack.end_leftovers():
            self._say(f"{name} was left over from a stack that had been killed: ended.")
        self._stack.caddy.door = FrontDoor.open(
            self._stack.choices.http_port, self._stack.choices.https_port, self._target
        )
        self._state.save(self._stack.paths)
        for server in self._stack.all_servers:
            server.choose_port()
        for slots in self._stack.slots:
            slots.first.release()
            slots.second.hold_down()
        self._say(f"Starting the stack in {self._stack.paths.root}")
        storage, collector = self._stack.storage, self._stack.collector
        began = _launch([*storage, collector])
        self._wait_for(storage, began)
        if self._stack.choices.database_url is None:
            SlowSql(self._stack.postgres).heal()
        began = time.monotonic()
        migrate(self._stack.service_environment, cancelled=self._signals.stopping.is_set)
        self._say(f"  {'migrations':<12} applied{_since(began):>26}")
        # Nobody has needed the collector so far: it has had the time of the migrations.
        began = _launch([*self._stack.providers, *self._stack.apps])
        # The apps first. They share a log with this process, and an error shows the end of it.
        self._wait_for([*self._stack.apps, collector, *self._stack.providers], began)
        self._wait_for([self._stack.caddy], _launch([self._stack.caddy]))
        self._state = dataclasses.replace(self._state, ready=True)
        self._state.save(self._stack.paths)

    def _wait_for(self, servers: Iterable[Server], began: float) -> None:
        for server in servers:
            server.wait_until_ready(cancelled=self._signals.stopping.is_set)
            self._say(f"  {server.name:<12} ready on 127.0.0.1:{server.port:<6}{_since(began):>10}")

    def _watch(self) -> None:
        keepers = [Keeper(server, self._say) for server in self._stack.all_servers]
        while not self._signals.stopping.wait(LOOK_EVERY_S):
            for keeper in keepers:
                keeper.look()
        self._say("Stopping: what has begun is still answered. Once more Ctrl-C hurries.")

    def _stop(self) -> None:
        stack, hurry = self._stack, self._signals.hurry.is_set
        stack.thaw()
        if stack.caddy.door is not None:
            stack.caddy.door.close()
        stack.collector.end_streams()
        stack.caddy.stop(hurry=hurry)
        for slot in stack.all_slots:
            slot.ask_to_stop()
        # The collector outlives the apps, which still have spans to send.
        storage = (stack.limits, stack.valkey, stack.postgres)
        for server in (*stack.all_slots, stack.collector, stack.provider, *storage):
            server.stop(hurry=hurry)
        stack.paths.state.unlink(missing_ok=True)


def _launch(servers: Iterable[Server]) -> float:
    """Begin them all; the moment of it."""
    began = time.monotonic()
    for server in servers:
        server.launch()
    return began


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"

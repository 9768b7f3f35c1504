"""The supervisor: starts and stops the servers in order, and restarts a server that ends."""

import os
import time
from collections.abc import Callable, Iterable

from lab.stack.config.environment import Choices
from lab.stack.errors import AlreadyRunningError, InterruptedStartError
from lab.stack.keeper import Keeper
from lab.stack.processes.identity import Identity
from lab.stack.processes.lock import Lock
from lab.stack.processes.signals import StopSignals
from lab.stack.report import welcome
from lab.stack.servers.apps import migrate
from lab.stack.servers.server import Server
from lab.stack.slow_sql import SlowSql
from lab.stack.stack import Stack
from lab.stack.state import State

CHECK_INTERVAL_SECONDS = 0.1


class Supervisor:
    """Runs one stack from this process until a stop signal arrives."""

    def __init__(self, stack: Stack, report: Callable[[str], None], *, target: str) -> None:
        """`report` prints a line for the user. `target` is the make target that the user typed."""
        self._stack = stack
        self._report = report
        self._target = target
        self._signals = StopSignals()

    def run(self, when_ready: Callable[[], None]) -> None:
        """Run until the stack has stopped. Call `when_ready` when the stack can serve requests.

        :raises AlreadyRunningError: when another process runs the stack.
        :raises LabError: when a server does not start. All servers are then stopped.
        """
        self._signals.listen()
        # Every server would inherit this URL. Only the migrations need the URL, and `_start` passes
        # it to them.
        os.environ.pop("MIGRATION_DATABASE_URL", None)
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
            self._report(str(interruption))
        finally:
            self._stop()
            lock.release()

    def _start(self) -> None:
        for name in Stack(self._stack.paths, Choices.largest()).end_leftovers():
            self._report(f"{name} was left over from a killed stack, and has been stopped.")
        self._stack.caddy.open_sockets(self._target)
        self._report(welcome(self._stack))
        self._save_state(ready=False)
        for server in self._stack.all_servers:
            server.choose_port()
        for slots in self._stack.slots:
            slots.first.enable_restart()
            slots.second.disable_restart()
        self._report(f"Starting the stack in {self._stack.paths.root}")
        storage, collector = self._stack.storage, self._stack.collector
        began = _launch([*storage, collector])
        self._wait_for(storage, began)
        if self._stack.choices.database_url is None:
            SlowSql(self._stack.postgres).heal()
        # The apps and the collector start while the migrations run. No request reaches an app
        # before the load balancer has started.
        began = _launch(self._stack.apps)
        migrate(self._stack.migration_environment, cancelled=self._signals.stopping.is_set)
        self._report(f"  {'migrations':<12} applied{_since(began):>26}")
        # Wait for the apps first. If an app fails, the error shows the end of the app's log. This
        # process may write to the same log, and its line on the collector is not part of the error.
        self._wait_for([*self._stack.apps, collector], began)
        self._wait_for([self._stack.caddy], _launch([self._stack.caddy]))
        # The workers and the provider take a second to start. A first request needs none of them.
        # So they start last, and the stack does not wait for them.
        _launch([*self._stack.workers, *self._stack.providers])
        self._save_state(ready=True)

    def _save_state(self, *, ready: bool) -> None:
        supervisor = Identity.of(os.getpid())
        State(supervisor, self._stack.choices, ready=ready).save(self._stack.paths)

    def _wait_for(self, servers: Iterable[Server], began: float) -> None:
        for server in servers:
            server.wait_until_ready(cancelled=self._signals.stopping.is_set)
            address = f"127.0.0.1:{server.port:<6}"
            self._report(f"  {server.name:<12} ready on {address}{_since(began):>10}")

    def _watch(self) -> None:
        keepers = [Keeper(server, self._report) for server in self._stack.all_servers]
        while not self._signals.stopping.wait(CHECK_INTERVAL_SECONDS):
            for keeper in keepers:
                keeper.check()
        self._report(
            "Stopping, after the requests in progress are answered. "
            "Press Ctrl-C again to stop at once."
        )

    def _stop(self) -> None:
        stack, kill_now = self._stack, self._signals.kill_now.is_set
        self._save_state(ready=False)
        stack.thaw()
        stack.caddy.close_sockets()
        stack.collector.end_streams()
        stack.caddy.stop(kill_now=kill_now)
        for process in (*stack.all_slots, *stack.workers):
            process.send_stop_signal()
        # The collector stops after the apps and the workers, which still send spans and messages.
        storage = (stack.limits, stack.valkey, stack.postgres)
        for server in (*stack.all_slots, *stack.workers, stack.collector, stack.provider, *storage):
            server.stop(kill_now=kill_now)
        stack.paths.state.unlink(missing_ok=True)


def _launch(servers: Iterable[Server]) -> float:
    """Launch all the servers. Return the time before the first launch."""
    began = time.monotonic()
    for server in servers:
        server.launch()
    return began


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"

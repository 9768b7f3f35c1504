"""The servers of the stack, and how they are connected."""

import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from lab.stack.config.environment import Choices, service_environment
from lab.stack.config.paths import Paths
from lab.stack.config.ports import LOOPBACK
from lab.stack.config.secrets import load_or_create_signing_key
from lab.stack.config.telemetry import telemetry, traces_exporter
from lab.stack.servers.apps import AppProcess
from lab.stack.servers.caddy import CaddyServer
from lab.stack.servers.collector import ROUTES, SPAN_ATTRIBUTES, CollectorServer
from lab.stack.servers.postgres import PostgresServer
from lab.stack.servers.provider import ProviderServer
from lab.stack.servers.server import Server
from lab.stack.servers.service import ServiceProcess
from lab.stack.servers.valkey import FOR_COUNTS, ValkeyServer
from lab.stack.servers.worker import WorkerProcess

_Process = TypeVar("_Process", bound=ServiceProcess)


class Slots(NamedTuple):
    """Two directories and ports for one app process. One slot serves; the other slot is free.

    `make roll` starts the new process in the free slot before it ends the old process (a
    blue-green deployment). The supervisor does not start a slot whose restart is disabled.
    """

    first: AppProcess
    second: AppProcess


class Stack:
    """The servers of one stack, running or not. The constructor starts and writes nothing."""

    def __init__(self, paths: Paths, choices: Choices, *, app_log: Path | None = None) -> None:
        """Without `app_log`, the apps and the worker write to standard output."""
        self.paths = paths
        self.choices = choices
        self._app_log = app_log
        self.postgres = PostgresServer(paths.root / "postgres", log=paths.logs / "postgres.log")
        self.valkey = ValkeyServer(paths.root / "valkey", log=paths.logs / "valkey.log")
        self.limits = ValkeyServer(
            paths.root / "limits", name="limits", memory=FOR_COUNTS, log=paths.logs / "limits.log"
        )
        self.slots = [
            self._slots(f"app-{number}") for number in range(1, choices.app_processes + 1)
        ]
        more = [f"worker-{number}" for number in range(2, choices.worker_processes + 1)]
        self.workers = [self._process(WorkerProcess, name, name) for name in ("worker", *more)]
        self.collector = CollectorServer(
            paths.root / "collector",
            environment=self._collector_environment,
            log=paths.logs / "collector.log",
        )
        self.provider = ProviderServer(
            paths.root / "provider", origins=choices.origins, log=paths.logs / "provider.log"
        )
        self.caddy = CaddyServer(
            paths.root / "caddy",
            ports=(choices.http_port, choices.https_port),
            ca_certificate=paths.ca_certificate,
            log=paths.logs / "caddy.log",
            upstreams=lambda: [slot.port for slot in self.all_slots],
        )
        self.caddy.settings = self._caddy_environment

    def _slots(self, name: str) -> Slots:
        return Slots(
            self._process(AppProcess, name, name),
            self._process(AppProcess, name, f"{name}-next"),
        )

    def _process(self, kind: type[_Process], name: str, directory: str) -> _Process:
        return kind(
            name,
            self.paths.root / directory,
            log=self._app_log,
            environment=partial(self._app_environment, name),
        )

    @property
    def all_slots(self) -> list[AppProcess]:
        """All slots, in use or free."""
        return [slot for slots in self.slots for slot in slots]

    @property
    def apps(self) -> list[AppProcess]:
        """The slots in use: one slot of each app process, or both during a `make roll`."""
        return [slot for slot in self.all_slots if not slot.restart_disabled]

    @property
    def storage(self) -> list[Server]:
        """The stack's own storage servers, except the servers that the caller replaces."""
        servers: list[Server] = []
        if self.choices.database_url is None:
            servers.append(self.postgres)
        if self.choices.redis_url is None:
            servers.append(self.valkey)
        if self.choices.limits_url is None:
            servers.append(self.limits)
        return servers

    @property
    def servers(self) -> list[Server]:
        """All servers that this stack runs, in the order in which they start."""
        return [*self.storage, self.collector, *self.providers, *self.apps, *self.workers,
                self.caddy]  # fmt: skip

    @property
    def all_servers(self) -> list[Server]:
        """All servers that this stack runs, and the slots that are free now."""
        return [*self.storage, self.collector, *self.providers, *self.all_slots, *self.workers,
                self.caddy]  # fmt: skip

    @property
    def providers(self) -> list[Server]:
        """The stack's own identity provider. Empty if the caller has set `OIDC_ISSUER`."""
        return [self.provider] if self.choices.oidc_issuer is None else []

    @property
    def database_url(self) -> str:
        """The URL of the database: the caller's, or the stack's own."""
        return self.choices.database_url or self.postgres.url

    @property
    def migrator_url(self) -> str:
        """The database's URL for the tables' owner: the caller's, or the stack's own."""
        if self.choices.database_url is None:
            return self.postgres.migrator_url
        return self.choices.migration_database_url or self.choices.database_url

    @property
    def libpq_url(self) -> str:
        """`database_url` for libpq, which does not know SQLAlchemy's scheme."""
        return _for_libpq(self.database_url)

    @property
    def libpq_migrator_url(self) -> str:
        """`migrator_url` for libpq."""
        return _for_libpq(self.migrator_url)

    @property
    def redis_url(self) -> str:
        """The URL of the server for cached reads: the caller's, or the stack's own."""
        return self.choices.redis_url or self.valkey.url

    @property
    def rate_limit_redis_url(self) -> str:
        """The URL of the server for rate limit counts: the caller's, or the stack's own."""
        return self.choices.limits_url or self.limits.url

    @property
    def service_environment(self) -> Mapping[str, str]:
        """The environment variables of every process of the service, and of its commands."""
        environment = service_environment(
            database_url=self.database_url,
            redis_url=self.redis_url,
            token_signing_key=load_or_create_signing_key(self.paths.token_signing_key),
            provider=self.provider.settings if self.providers else {},
            mail=self.mail_settings,
        )
        return {**environment, "RATE_LIMIT_REDIS_URL": self.rate_limit_redis_url}

    @property
    def mail_settings(self) -> Mapping[str, str]:
        """The settings for the stack's own mailbox. The links in messages lead to this stack."""
        return {
            "SMTP_URL": f"smtp://{LOOPBACK}:{self.collector.smtp_port}?tls=off",
            "MAIL_FROM": "Roundtrip <roundtrip@localhost>",
            # A browser does not trust the stack's certificate authority, so the links use HTTP.
            "ACCOUNT_PAGES_URL": f"http://localhost:{self.choices.http_port}/account",
        }

    @property
    def migration_environment(self) -> Mapping[str, str]:
        """The environment of the migrations."""
        return {**self.service_environment, "DATABASE_URL": self.migrator_url}

    def _app_environment(self, name: str) -> Mapping[str, str]:
        spans = telemetry(
            "roundtrip", self.collector.url, instance=name, key=self.collector.service_key
        )
        # The service fits the line of a request into COLUMNS columns. For a log file, COLUMNS is
        # empty, so the line has all its fields. For a pipe, COLUMNS is the caller's value, or 80.
        columns = "" if self._app_log else os.environ.get("COLUMNS", "80")
        width = {} if sys.stdout.isatty() else {"COLUMNS": columns}
        return {**self.service_environment, **spans, **width}

    def _collector_environment(self) -> Mapping[str, str]:
        # Of the service's secrets, the collector needs only the database URL.
        return {
            "DATABASE_URL": self.libpq_url,
            "ALLOWED_HOSTS": self.service_environment["ALLOWED_HOSTS"],
            **({"SERVICE_LOG": str(self._app_log)} if self._app_log else {}),
        }

    def _caddy_environment(self) -> Mapping[str, str]:
        spans = telemetry("caddy", self.collector.url)
        # Headers may contain secrets of clients, so only the stack's own collector gets them.
        is_own_collector = spans.get("OTEL_EXPORTER_OTLP_ENDPOINT") == self.collector.url
        return {
            **spans,
            "OTEL_TRACES_EXPORTER": traces_exporter(),
            "EXTRA_ROUTES": str(ROUTES),
            **({"EXTRA_SPAN_ATTRIBUTES": str(SPAN_ATTRIBUTES)} if is_own_collector else {}),
            "COLLECTOR": f"{LOOPBACK}:{self.collector.port}",
        }

    def thaw(self) -> None:
        """Continue frozen servers, so that they react to signals and answer the other servers."""
        for server in (*self.storage, *self.workers):
            server.thaw()

    def end_leftovers(self) -> list[str]:
        """End the processes that a killed stack left, each before the servers that it uses.

        Return the names of the ended processes.
        """
        self.thaw()
        everything = [self.caddy, *self.all_slots, *self.workers, self.collector, self.provider,
                      self.limits, self.valkey, self.postgres]  # fmt: skip
        return [server.name for server in everything if server.end_leftover()]


def _for_libpq(url: str) -> str:
    return url.replace("postgresql+psycopg:", "postgresql:", 1)

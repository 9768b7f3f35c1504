"""The configuration of Patroni on one node."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from lab.stack.config.ports import LOOPBACK
from lab.stack.servers.postgres import SETTINGS

# The other nodes elect a new primary if the primary has not renewed its key in etcd for this time.
# Patroni accepts no shorter TTL.
TTL_SECONDS: Final = 20
# Patroni requires a TTL of at least loop_wait + 2 * retry_timeout.
_LOOP_WAIT_SECONDS: Final = 5
_RETRY_TIMEOUT_SECONDS: Final = 5


class Passwords(NamedTuple):
    """The passwords of the roles that Patroni uses. All nodes have the same passwords."""

    superuser: str
    replication: str


class Addresses(NamedTuple):
    """The addresses of one node's servers and of etcd, each as `host:port`."""

    postgres: str
    api: str
    etcd: str


def configuration(
    name: str, addresses: Addresses, *, directory: Path, programs: Path, passwords: Passwords
) -> Mapping[str, Any]:
    """Return Patroni's configuration for a node whose files are in `directory`."""
    return {
        "scope": "roundtrip",
        "name": name,
        "restapi": {"listen": addresses.api, "connect_address": addresses.api},
        "etcd3": {"host": addresses.etcd},
        "bootstrap": {
            "dcs": {
                "ttl": TTL_SECONDS,
                "loop_wait": _LOOP_WAIT_SECONDS,
                "retry_timeout": _RETRY_TIMEOUT_SECONDS,
                # PostgreSQL confirms a commit only after the synchronous standby has the commit.
                # Without a standby, the primary does not wait.
                "synchronous_mode": True,
                "postgresql": {"use_pg_rewind": True},
            },
            "initdb": [
                {"encoding": "UTF8"},
                {"locale": "C"},
                {"locale-provider": "builtin"},
                {"builtin-locale": "C.UTF-8"},
            ],
        },
        "postgresql": {
            "listen": addresses.postgres,
            "connect_address": addresses.postgres,
            "data_dir": str(directory / "data"),
            "bin_dir": str(programs),
            "pgpass": str(directory / "pgpass"),
            "authentication": {
                "superuser": {"username": "postgres", "password": passwords.superuser},
                "replication": {"username": "replicator", "password": passwords.replication},
            },
            "parameters": {**SETTINGS, "password_encryption": "scram-sha-256"},
            "pg_hba": [
                f"host all all {LOOPBACK}/32 scram-sha-256",
                f"host replication replicator {LOOPBACK}/32 scram-sha-256",
            ],
            # A killed primary may have transactions that the new primary does not have. If
            # pg_rewind cannot undo them, the node copies the data of the new primary.
            "remove_data_directory_on_rewind_failure": True,
        },
    }

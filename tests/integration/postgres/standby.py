"""A streaming replica of a PostgreSQL server of the tests."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg

from lab.stack.config.ports import LOOPBACK, free_port, with_port
from lab.stack.processes.faults import thaw
from lab.stack.servers import data_directory, unprivileged
from lab.stack.servers.postgres import PostgresServer
from tests.postgres import wait_for_answer


class Standby:
    """A running replica."""

    def __init__(self, port: int, process: psutil.Popen) -> None:
        self.port = port
        self.process = process

    def url(self, database_url: str) -> str:
        """Return the URL of the same database and role on the replica."""
        return with_port(database_url, self.port)

    def statements(self, database_url: str) -> int:
        """Return how often statements have scanned the products and users on the replica."""
        with psycopg.connect(self.url(database_url), autocommit=True) as connection:
            (row,) = connection.execute(
                "SELECT coalesce(sum(seq_scan + coalesce(idx_scan, 0)), 0)::int"
                " FROM pg_stat_user_tables WHERE relname IN ('products', 'users')"
            )
            return int(row[0])


@contextmanager
def running_standby(primary: PostgresServer, directory: Path) -> Iterator[Standby]:
    """Run a replica of the primary until the end of the block."""
    programs, port = primary.programs, free_port()
    data = directory / "standby"
    directory.mkdir(exist_ok=True)
    unprivileged.hand_over(directory)
    subprocess.run(
        [str(programs / "pg_basebackup"), "--pgdata", str(data), "--write-recovery-conf",
         "--checkpoint", "fast", "--dbname", primary.admin_url],
        env=data_directory.neutral_environment(), check=True, **unprivileged.popen_user(),
    )  # fmt: skip
    process = psutil.Popen(
        [str(programs / "postgres"), "-D", str(data), f"--port={port}", "--fsync=off",
         f"--listen_addresses={LOOPBACK}", "--unix_socket_directories="],
        env=data_directory.neutral_environment(), cwd=data,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **unprivileged.popen_user(),
    )  # fmt: skip
    standby = Standby(port, process)
    try:
        wait_for_answer(standby.url(primary.admin_url))
        yield standby
    finally:
        thaw(process)
        process.kill()
        process.wait()

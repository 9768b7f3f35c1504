"""What the collector needs to know about its stack."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """The settings of one collector."""

    database_url: str
    """The database that makes the query plans. The collector uses only read-only transactions."""
    service_key: str
    """The key that the service's processes send. Statements of other senders have no plan."""
    allowed_hosts: tuple[str, ...]
    """The host names that the collector accepts in the Host header."""
    smtp_port: int
    """The port at which the mailbox receives messages by SMTP."""
    service_log: Path | None
    """The log file of the service's processes. None if they log to a terminal."""

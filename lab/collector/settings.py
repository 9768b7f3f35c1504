"""What the collector needs to know about its stack."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """The settings of one collector."""

    database_url: str
    """The database that makes the query plans, in read-only transactions."""
    service_key: str
    """The key of the service's processes. Only statements in their spans have plans."""
    allowed_hosts: tuple[str, ...]
    """The accepted host names."""
    smtp_port: int
    """The port at which messages arrive."""
    service_log: Path | None
    """The log file of the service's processes. None if they log to a terminal."""

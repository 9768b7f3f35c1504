"""The states of the servers that the service uses."""

from typing import Literal

State = Literal["up", "read-only", "down"]
"""`read-only`: PostgreSQL answers, but accepts no writes, for example after a failover."""

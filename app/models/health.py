"""The states of the servers that the service uses."""

from typing import Literal

State = Literal["up", "read-only", "down"]
"""`read-only` is PostgreSQL after a failover, for example: it answers, but accepts no writes."""

"""The JSON of the health checks."""

from typing import Literal

from app.models.health import State
from app.schemas.bodies import Representation

Part = Literal["postgres", "redis"]


class Liveness(Representation):
    """The process answers. Nothing else is checked."""

    status: Literal["alive"] = "alive"


class Readiness(Representation):
    """What this process can reach. `degraded` means that it works with limitations."""

    status: Literal["ready", "degraded"]
    postgres: State
    redis: Literal["up", "down"]

"""What the health checks say."""

from typing import Literal

from app.schemas.bodies import Representation

State = Literal["up", "down"]


class Liveness(Representation):
    """The process answers. Nothing else was asked."""

    status: Literal["alive"] = "alive"


class Readiness(Representation):
    """What this process can reach; `degraded` means that it works, but not at its best."""

    status: Literal["ready", "degraded"]
    postgres: State
    redis: State

"""The connections of Procrastinate, the library that runs the jobs of a worker."""

from typing import Any, Final

from procrastinate import PsycopgConnector
from procrastinate.exceptions import ConnectorException
from psycopg_pool import PoolTimeout

from app.repositories.postgres.address import conninfo
from app.repositories.postgres.connections import CONNECT_TIMEOUT_SECONDS
from app.settings import Settings

UNAVAILABLE: Final = (ConnectorException, PoolTimeout)
"""The errors that Procrastinate raises while PostgreSQL is unavailable."""
_MAX_CONNECTIONS: Final = 4
"""Few are enough: a statement of Procrastinate holds a connection for about a millisecond."""


def create_connector(settings: Settings) -> PsycopgConnector:
    """Return the connector through which Procrastinate uses PostgreSQL."""
    parameters: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "application_name": "roundtrip worker",
        "client_encoding": "utf8",
        # Through a pooler, the next session may lack the prepared statements of this session.
        "prepare_threshold": None,
    }
    if settings.database_pooler == "none":
        parameters["options"] = "-c datestyle=ISO"
    return PsycopgConnector(
        conninfo=conninfo(settings.database_url.get_secret_value()),
        kwargs=parameters,
        min_size=1,
        max_size=_MAX_CONNECTIONS,
        timeout=settings.database_pool_timeout,
    )

"""The connections of Procrastinate, the library that runs the jobs of a worker."""

from typing import Final

from procrastinate import PsycopgConnector
from procrastinate.exceptions import ConnectorException
from psycopg_pool import PoolTimeout
from sqlalchemy.engine import make_url

from app.settings import Settings

UNAVAILABLE: Final = (ConnectorException, PoolTimeout)
"""The errors that Procrastinate raises while PostgreSQL is unavailable."""
_MAX_CONNECTIONS: Final = 4
"""Each statement of Procrastinate holds a connection for about a millisecond."""
_CONNECT_TIMEOUT_SECONDS: Final = 2


def create_connector(settings: Settings) -> PsycopgConnector:
    """Return the connector through which Procrastinate uses PostgreSQL."""
    url = make_url(settings.database_url.get_secret_value()).set(drivername="postgresql")
    return PsycopgConnector(
        conninfo=url.render_as_string(hide_password=False),
        kwargs={
            "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
            "application_name": "roundtrip worker",
            "client_encoding": "utf8",
        },
        min_size=1,
        max_size=_MAX_CONNECTIONS,
        timeout=settings.database_pool_timeout,
    )

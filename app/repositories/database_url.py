"""The address of the database, as libpq reads it."""

from typing import Final
from urllib.parse import parse_qs, urlsplit

from psycopg.pq import Conninfo

from app.settings import SettingsError

# The settings check the scheme, too. The migrations run without the settings.
_SCHEMES: Final = {"postgresql", "postgres", "postgresql+psycopg"}


def conninfo(url: str) -> str:
    """Return an address for psycopg.

    The address may list several hosts, such as `host-1:5432,host-2:5432`. With the parameter
    `target_session_attrs=read-write`, each new connection goes to the host that accepts writes.

    Raises `SettingsError` if the URL has another scheme, or a parameter that libpq does not know.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in _SCHEMES:
        raise SettingsError(
            "DATABASE_URL is not an address; write it like postgresql://user:password@host/name"
        )
    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    unknown = sorted(parse_qs(urlsplit(url).query, keep_blank_values=True).keys() - known)
    if unknown:
        raise SettingsError(
            f"DATABASE_URL has the parameter {unknown[0]}, which PostgreSQL does not know. "
            "Remove it."
        )
    return f"postgresql://{rest}"

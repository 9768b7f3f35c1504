"""The address of the database, as libpq reads it."""

from typing import Final
from urllib.parse import parse_qs, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from app.settings import SettingsError
from app.settings.database import DATABASE_SCHEMES

_INVALID: Final = (
    "DATABASE_URL is not a valid PostgreSQL URL; write it like "
    "postgresql://user:password@host/name, with special characters of the password "
    "percent-encoded, such as %40 for @"
)


def conninfo(url: str) -> str:
    """Check a database URL, and return it in the form that psycopg takes.

    The URL may list several hosts, such as `host-1:5432,host-2:5432`. With the parameter
    `target_session_attrs=read-write`, each new connection goes to the host that accepts writes.

    Raises `SettingsError` if libpq cannot read the URL. The message contains no part of a password.
    """
    scheme, _, rest = url.partition("://")
    address = f"postgresql://{rest}"
    try:
        query = urlsplit(address).query
        # libpq takes the text from the first @ to the next / as the host. If the password contains
        # an @, the log of each failed connection would contain the rest of the password.
        has_extra_at = "@" in query or rest.partition("/")[0].count("@") > 1
        # The settings check the scheme, too, but the migrations do not read the settings.
        if scheme.lower() not in DATABASE_SCHEMES or has_extra_at:
            raise SettingsError(_INVALID)
        _check_parameters(query)
        conninfo_to_dict(address)
    except (psycopg.ProgrammingError, ValueError):
        # The original message quotes the text that libpq cannot read. This text may be a part of
        # the password.
        raise SettingsError(_INVALID) from None
    return address


def _check_parameters(query: str) -> None:
    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    # libpq reads this parameter of JDBC as sslmode=require.
    known.add("ssl")
    for name, values in parse_qs(query, keep_blank_values=True).items():
        if name not in known and name.isidentifier():
            raise SettingsError(
                f"DATABASE_URL has the parameter {name}, which libpq does not support. Remove it."
            )
        if len(values) > 1:
            raise SettingsError(
                f"DATABASE_URL has the parameter {name} more than once. Write several hosts like "
                "host-1:5432,host-2:5432."
            )

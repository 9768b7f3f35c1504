"""Commands for operators of the service: `python -m app create-admin|rotate-key`."""

import asyncio
import getpass
import os
import sys
from datetime import UTC, datetime, timedelta

import click
from pydantic import SecretStr, ValidationError

from app.adapters.signing_keys import rotated
from app.container import Container
from app.errors import AppError, Invalid
from app.schemas.users import UserCreate
from app.settings import SettingsError, load_settings, load_token_settings

_MAX_AFTER_SECONDS = 365 * 24 * 60 * 60


class _Commands(click.Group):
    """Prints each error of the service as a line. The exit status is then 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ValidationError as error:
            for problem in error.errors(include_input=False):
                print(f"{problem['loc'][0]}: {problem['msg']}", file=sys.stderr)
        except Invalid as error:
            for field in error.errors:
                print(f"{(field.pointer or '').lstrip('/')}: {field.detail}", file=sys.stderr)
        except (AppError, SettingsError) as error:
            print(error, file=sys.stderr)
        raise click.exceptions.Exit(1)


@click.group(cls=_Commands)
def main() -> None:
    """Commands for operators of the service."""


@main.command(epilog="Example:  python -m app create-admin --email you@example.com")
@click.option("--email", required=True, help="The address of the administrator")
@click.option("--name", default="Administrator", help="The name of a new account")
def create_admin(email: str, name: str) -> None:
    """Create an administrator, or make an existing account an administrator.

    Reads the password from ADMIN_PASSWORD, or asks for it if that is not set.
    """
    password = os.environ.get("ADMIN_PASSWORD") or getpass.getpass("Password: ")
    new = UserCreate(name=name, email=email, password=SecretStr(password))
    print(asyncio.run(_promote(new)))


async def _promote(new: UserCreate) -> str:
    container = Container(load_settings())
    try:
        user, is_new = await container.users.make_admin(new)
    finally:
        await container.close()
    if is_new:
        return f"{user.email} is an administrator now (user {user.id})."
    return f"{user.email} is an administrator now (user {user.id}). Its password has not changed."


@main.command(epilog="Example:  python -m app rotate-key --after 3600")
@click.option(
    "--after",
    type=click.IntRange(1, _MAX_AFTER_SECONDS),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="Delay until the new key signs. Until then, every process must get the value",
)
def rotate_key(after: int) -> None:
    """Print the next value of TOKEN_SIGNING_KEY: the needed keys and a new key.

    Reads TOKEN_SIGNING_KEY and changes nothing; see docs/key-rotation.md.
    """
    settings, now = load_token_settings(), datetime.now(UTC)
    lifetime = settings.token_lifetime
    signs_from = (now + timedelta(seconds=after)).replace(microsecond=0)
    try:
        keys = rotated(
            settings.token_signing_key, now=now, signs_from=signs_from, token_lifetime=lifetime
        )
    except ValueError:
        pending_from = settings.token_signing_key[-1].signs_from
        raise SettingsError(
            "TOKEN_SIGNING_KEY already has a key that does not sign yet. Wait until "
            f"{pending_from:%Y-%m-%dT%H:%M:%SZ}, when it begins to sign."
        ) from None
    print(
        f"Set this value as TOKEN_SIGNING_KEY of every process before {signs_from:%H:%M:%S} UTC.\n"
        f"From then on, the new key signs. The previous key verifies for {lifetime} more seconds.",
        file=sys.stderr,
    )
    print(",".join(key.to_setting() for key in keys))


if __name__ == "__main__":
    main(prog_name="python -m app")

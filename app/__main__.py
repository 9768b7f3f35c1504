"""Commands for operators of the service: `python -m app create-admin|rotate-key`."""

import argparse
import asyncio
import getpass
import os
import sys
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr, ValidationError

from app.adapters.signing_keys import rotated
from app.container import Container
from app.errors import AppError, Invalid
from app.schemas.users import UserCreate
from app.settings import SettingsError, load_settings, load_token_settings

_MAX_AFTER_SECONDS = 365 * 24 * 60 * 60


def main() -> int:
    """Run one command, and return its exit status: 0 for success, 1 for a refusal."""
    arguments = _parser().parse_args()
    try:
        print(arguments.run(arguments))
    except ValidationError as error:
        for problem in error.errors(include_input=False):
            print(f"{problem['loc'][0]}: {problem['msg']}", file=sys.stderr)
        return 1
    except Invalid as error:
        for field in error.errors:
            print(f"{(field.pointer or '').lstrip('/')}: {field.detail}", file=sys.stderr)
        return 1
    except (AppError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    create_admin = commands.add_parser(
        "create-admin",
        help="create an administrator, or promote the account with this email",
        description="The password is read from ADMIN_PASSWORD. If that is not set, type it.",
    )
    create_admin.add_argument("--email", required=True)
    create_admin.add_argument("--name", default="Administrator")
    create_admin.set_defaults(run=_create_admin)
    rotate_key = commands.add_parser(
        "rotate-key",
        help="print the next value of TOKEN_SIGNING_KEY: the present keys and a new one",
        description="Reads TOKEN_SIGNING_KEY and changes nothing; see docs/key-rotation.md.",
    )
    rotate_key.add_argument(
        "--after",
        type=_seconds,
        default=600,
        metavar="SECONDS",
        help="delay until the new key signs; by then, every process must have the value "
        "(default: %(default)s)",
    )
    rotate_key.set_defaults(run=_rotate_key)
    return parser


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _MAX_AFTER_SECONDS):
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {_MAX_AFTER_SECONDS}")
    return int(text)


def _create_admin(arguments: argparse.Namespace) -> str:
    password = os.environ.get("ADMIN_PASSWORD") or getpass.getpass("Password: ")
    return asyncio.run(
        _promote(
            UserCreate(name=arguments.name, email=arguments.email, password=SecretStr(password))
        )
    )


async def _promote(new: UserCreate) -> str:
    container = Container(load_settings())
    try:
        user, is_new = await container.users.make_admin(new)
    finally:
        await container.close()
    if is_new:
        return f"{user.email} is an administrator now (user {user.id})."
    return f"{user.email} is an administrator now (user {user.id}). Its password has not changed."


def _rotate_key(arguments: argparse.Namespace) -> str:
    settings, now = load_token_settings(), datetime.now(UTC)
    lifetime = settings.token_lifetime
    signs_from = (now + timedelta(seconds=arguments.after)).replace(microsecond=0)
    try:
        keys = rotated(
            settings.token_signing_key, now=now, signs_from=signs_from, token_lifetime=lifetime
        )
    except ValueError:
        pending_from = settings.token_signing_key[-1].signs_from
        raise SettingsError(
            "TOKEN_SIGNING_KEY already has a key that does not sign yet. Wait until "
            f"{pending_from:%Y-%m-%dT%H:%M:%SZ}, when it begins to."
        ) from None
    print(
        f"Set this value as TOKEN_SIGNING_KEY of every process before {signs_from:%H:%M:%S} UTC.\n"
        f"From then on, the new key signs. The previous key verifies for {lifetime} more seconds.",
        file=sys.stderr,
    )
    return ",".join(key.to_setting() for key in keys)


if __name__ == "__main__":
    sys.exit(main())

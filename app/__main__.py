"""Commands for whoever runs the service: `python -m app create-admin --email …`."""

import argparse
import asyncio
import getpass
import os
import sys

from pydantic import SecretStr, ValidationError

from app.container import Container
from app.errors import AppError, Invalid
from app.schemas.users import UserCreate
from app.settings import SettingsError, load_settings


def main() -> int:
    """Run one command and return its exit status: 0 for done, 1 for refused."""
    arguments = _parser().parse_args()
    try:
        new = UserCreate(
            name=arguments.name, email=arguments.email, password=SecretStr(_password())
        )
        print(asyncio.run(_create_admin(new)))
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
        help="make an administrator, or promote the account that has this email",
        description="The password is read from ADMIN_PASSWORD, or else asked for.",
    )
    create_admin.add_argument("--email", required=True)
    create_admin.add_argument("--name", default="Administrator")
    return parser


def _password() -> str:
    return os.environ.get("ADMIN_PASSWORD") or getpass.getpass("Password: ")


async def _create_admin(new: UserCreate) -> str:
    container = Container(load_settings())
    try:
        user, is_new = await container.users.make_admin(new)
    finally:
        await container.close()
    if is_new:
        return f"{user.email} is an administrator now (user {user.id})."
    return f"{user.email} is an administrator now (user {user.id}); its password stays as it was."


if __name__ == "__main__":
    sys.exit(main())

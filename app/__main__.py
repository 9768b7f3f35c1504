"""The commands for operators, such as `python -m app create-admin`, and the worker."""

import asyncio
import getpass
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import click
from pydantic import SecretStr, ValidationError

from app.adapters.log_format import configure_logging
from app.adapters.signing_keys import rotated
from app.container import Container
from app.errors import AppError, Invalid
from app.jobs.worker import Worker
from app.models.values.emails import normalise_email
from app.schemas.users import UserCreate
from app.settings import Settings, SettingsError, TokenSettings, load_settings
from app.tracing import end_tracing
from app.tracing.export import export_spans

_T = TypeVar("_T")
_MAX_AFTER_SECONDS = 365 * 24 * 60 * 60


class _Commands(click.Group):
    """Prints the errors of the service, one a line. After an error, exits with status 1."""

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


@click.group(cls=_Commands, epilog="Example:  python -m app users list")
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
    user, is_new = _run(lambda container: container.users.make_admin(new))
    unchanged = "" if is_new else " Its password has not changed."
    print(f"{user.email} is an administrator now (user {user.id}).{unchanged}")


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
    settings, now = load_settings(TokenSettings), datetime.now(UTC)
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


@main.command(epilog="Example:  python -m app worker")
def worker() -> None:
    """Run the jobs of the queue until SIGTERM: send messages, delete expired rows.

    Several workers can run at the same time. Each job is run by one of them.
    """
    settings = load_settings(Settings)
    configure_logging(settings)
    export_spans()
    try:
        _run(lambda container: Worker(settings, container).run(), settings)
    finally:
        end_tracing()


@main.group(epilog="Example:  python -m app jobs list")
def jobs() -> None:
    """List, retry or drop the jobs that have failed for good."""


@jobs.command("list", epilog="Example:  python -m app jobs list")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
def list_jobs(limit: int) -> None:
    """Print each failed job with the reason, the oldest first."""
    failed = _run(lambda container: container.jobs.list_failed(limit=limit))
    for job in failed:
        what = job.message_kind or job.task
        attempts = "1 attempt" if job.attempts == 1 else f"{job.attempts} attempts"
        print(
            f"{job.id}  {what}  {attempts}, the last at "
            f"{job.failed_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}: {job.reason or 'see the log'}"
        )
    if not failed:
        print("No job has failed for good.", file=sys.stderr)


@jobs.command(epilog="Example:  python -m app jobs retry 42")
@click.argument("job_id", type=click.IntRange(1, 2**63 - 1))
def retry(job_id: int) -> None:
    """Let a failed job run again, and count its attempts from 0."""
    _run(lambda container: container.jobs.retry(job_id))
    print(f"Job {job_id} runs again as soon as a worker is free.")


@jobs.command(epilog="Example:  python -m app jobs drop 42")
@click.argument("job_id", type=click.IntRange(1, 2**63 - 1))
def drop(job_id: int) -> None:
    """Delete a failed job, and the message that it could not send."""
    _run(lambda container: container.jobs.drop(job_id))
    print(f"Job {job_id} is deleted.")


@main.group(epilog="Example:  python -m app users list")
def users() -> None:
    """List accounts, and disable or enable one."""


@users.command("list", epilog="Example:  python -m app users list --limit 10")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
def list_users(limit: int) -> None:
    """Print the accounts, the newest first."""
    for user in _run(lambda container: container.users.list_newest(limit=limit)):
        notes = [
            user.role.value,
            "confirmed" if user.email_confirmed else "not confirmed",
            *(["disabled"] if user.disabled_at is not None else []),
        ]
        print(f"{user.id}  {user.email}  {', '.join(notes)}")


@users.command(epilog="Example:  python -m app users disable --email you@example.com")
@click.option("--email", required=True, help="The address of the account")
def disable(email: str) -> None:
    """Refuse every sign-in to an account, and end all its sessions."""
    _set_disabled(email, disabled=True)


@users.command(epilog="Example:  python -m app users enable --email you@example.com")
@click.option("--email", required=True, help="The address of the account")
def enable(email: str) -> None:
    """Allow sign-in to a disabled account again."""
    _set_disabled(email, disabled=False)


def _set_disabled(email: str, *, disabled: bool) -> None:
    try:
        address = normalise_email(email)
    except ValueError:
        raise click.BadParameter("this is not an email address", param_hint="--email") from None
    user = _run(lambda container: container.users.set_disabled(address, disabled=disabled))
    print(f"{user.email} is {'disabled' if disabled else 'enabled'} now (user {user.id}).")


def _run(work: Callable[[Container], Awaitable[_T]], settings: Settings | None = None) -> _T:
    async def run() -> _T:
        container = Container(settings or load_settings(Settings))
        try:
            return await work(container)
        finally:
            await container.close()

    return asyncio.run(run())


if __name__ == "__main__":
    main(prog_name="python -m app")

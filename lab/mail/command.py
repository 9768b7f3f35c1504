"""`lab mail`: lists the messages that the stack's mailbox keeps, and shows one message."""

import json
import sys
from typing import Final

import click

from lab.mail.client import Filter, MailClient
from lab.mail.mailbox import MAX_MESSAGES
from lab.mail.message import Document
from lab.mail.output import Output
from lab.stack import control
from lab.stack.config.paths import Paths
from lab.stack.errors import LabError

_MAX_WAIT_SECONDS: Final = 600

_TO: Final = click.Option(["--to"], default="", metavar="ADDRESS", help="Only to this address")
_SUBJECT: Final = click.Option(
    ["--subject"], default="", metavar="TEXT", help="Only with this text in the subject"
)
_AFTER: Final = click.Option(
    ["--after"], type=click.IntRange(0), default=0, metavar="ID", help="Only newer than message ID"
)


class _Mail(click.Group):
    """`lab mail`. An error for a misplaced option of `show` contains a correct command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        before_show = args[: args.index("show")] if "show" in args else args
        for option in ("--wait", "--link"):
            if any(word == option or word.startswith(f"{option}=") for word in before_show):
                raise click.UsageError(
                    f"lab mail has no option {option}, but `show` has it:  "
                    "lab mail show --to ahmed@example.com --wait 10 --link",
                    ctx,
                )
        return super().parse_args(ctx, args)


def _list(*, to: str, subject: str, after: int, as_json: bool) -> int:
    context, wanted = click.get_current_context(), Filter(to, subject, after)
    if context.invoked_subcommand is not None:
        if wanted != Filter() or as_json:
            raise click.UsageError(
                "The options come after `show`:  lab mail show --to ahmed@example.com", context
            )
        return control.OK
    messages = _client(context.obj).summaries(wanted, MAX_MESSAGES)
    _prepare_output()
    if as_json:
        for message in messages:
            _print_json(message)
    elif messages:
        print(*Output.of().table(messages), sep="\n")
    else:
        print(f"No {wanted}.")
    return control.OK


mail: Final = _Mail(
    "mail",
    invoke_without_command=True,
    callback=_list,
    params=[
        _TO,
        _SUBJECT,
        _AFTER,
        click.Option(["--json", "as_json"], is_flag=True, help="One JSON document per message"),
    ],
    help="List the messages that the service has sent, the newest first; `show` shows one.",
    epilog="Example:  lab mail --to ahmed@example.com",
)


@mail.command(
    params=[_TO, _SUBJECT, _AFTER],
    epilog="Example:  lab mail show --to ahmed@example.com --wait 10 --link",
)
@click.argument("message_id", metavar="[ID]", type=click.IntRange(1), required=False)
@click.option(
    "--wait",
    "wait_seconds",
    type=click.FloatRange(0, _MAX_WAIT_SECONDS),
    default=0,
    metavar="SECONDS",
    help="If there is no such message, wait for one",
)
@click.option("--link", "only_link", is_flag=True, help="Print only the first link")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document")
@click.pass_context
def show(  # noqa: PLR0913 - each option is an argument.
    context: click.Context,
    message_id: int | None,
    *,
    to: str,
    subject: str,
    after: int,
    wait_seconds: float,
    only_link: bool,
    as_json: bool,
) -> int:
    """Show a message: by default the newest."""
    wanted = Filter(to, subject, after)
    if message_id is not None and (wanted != Filter() or wait_seconds):
        raise click.UsageError("An ID selects one message. Leave out the ID or the options.")
    if only_link and as_json:
        raise click.UsageError("--link and --json cannot be used together.")
    client = _client(context.obj)
    message = (
        client.newest(wanted, wait_seconds) if message_id is None else client.message(message_id)
    )
    _prepare_output()
    if only_link:
        print(_first_link(message))
    elif as_json:
        _print_json(message)
    else:
        print(*Output.of().whole(message), sep="\n")
    return control.OK


def _client(paths: Paths) -> MailClient:
    return MailClient(control.running(paths).choices.http_port)


def _first_link(message: Document) -> str:
    if not message["links"]:
        raise LabError(
            f"Message {message['id']} has no link. See it:  lab mail show {message['id']}"
        )
    return str(message["links"][0])


def _prepare_output() -> None:
    # If the output's encoding lacks a character of a message, its code is printed, such as \u2019.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _print_json(document: Document) -> None:
    print(json.dumps(document, ensure_ascii=False))

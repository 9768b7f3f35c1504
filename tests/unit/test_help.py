"""The help of every command of both programs, and the errors for misspelled names."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from app.__main__ import main as app
from lab.__main__ import lab

MAX_LINES = 32
MAX_COLUMNS = 100


def commands(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield the names that lead to each command, for example `("fault", "redis")`."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, *path, name)


@pytest.mark.parametrize(
    ("program", "path"),
    [
        pytest.param(program, path, id=" ".join((name, *path)))
        for name, program in (("app", app), ("lab", lab))
        for path in commands(program)
    ],
)
def test_the_help_of_a_command_fits_a_screen_and_has_an_example(
    program: click.Command, path: tuple[str, ...]
) -> None:
    """The help needs no running stack."""
    result = CliRunner().invoke(program, [*path, "--help"])
    lines = result.output.splitlines()
    assert result.exit_code == 0
    assert len(lines) <= MAX_LINES
    assert max(map(len, lines)) <= MAX_COLUMNS
    assert any(line.startswith("  Example") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["strat"], "start"),
        (["trace", "--jsn"], "--json"),
        (["mail", "--subjct", "x"], "--subject"),
        (["fault", "redi", "kill"], "redis"),
    ],
)
def test_a_misspelled_name_gets_the_right_one(arguments: list[str], named: str) -> None:
    """The error names a command or an option with a similar name."""
    result = CliRunner().invoke(lab, arguments)
    assert result.exit_code == 2
    assert named in result.output

"""`lab mail`: its usage errors, and its output on a terminal."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lab.__main__ import lab
from lab.mail.output import Output
from lab.stack.config.paths import Paths
from lab.stack.errors import LabError

LINK = "https://a.example/x"


def message(**fields: Any) -> dict[str, Any]:
    """Return a message as the API does."""
    return {
        "id": 12, "from": "Roundtrip <roundtrip@localhost>", "to": ["ahmed@example.com"],
        "subject": "Hello", "received_at": "2026-11-29T21:00:00.000Z", "text": "", "links": [],
        **fields,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["--wait", "10"], "lab mail show --to ahmed@example.com --wait 10 --link"),
        (["--link"], "lab mail show --to ahmed@example.com --wait 10 --link"),
        (["--to", "a@b.c", "show"], "come after `show`"),
        (["sho"], "Did you mean 'show'?"),
        (["show", "x"], "Usage: lab mail show"),
        (["show", "1", "--to", "a@b.c"], "Leave out the ID or the options"),
        (["show", "1", "--wait", "1"], "Leave out the ID or the options"),
        (["show", "--link", "--json"], "cannot be used together"),
        (["show", "--wait", "forever"], "not a valid float"),
    ],
)
def test_an_invalid_command_names_the_right_one(
    arguments: list[str], advice: str, tmp_path: Path
) -> None:
    """The exit status is 2, even if no stack runs."""
    result = CliRunner().invoke(lab, ["mail", *arguments], obj=Paths(tmp_path))
    assert result.exit_code == 2
    assert advice in result.output


@pytest.mark.parametrize("arguments", [[], ["show"], ["show", "--wait", "10"]])
def test_the_error_without_a_stack_shows_how_to_start_one(
    arguments: list[str], tmp_path: Path
) -> None:
    """Without a stack there is no mailbox, so the command does not wait."""
    result = CliRunner().invoke(lab, ["mail", *arguments], obj=Paths(tmp_path))
    assert isinstance(result.exception, LabError)
    assert "make start" in str(result.exception)


def test_a_list_has_one_line_for_each_message() -> None:
    """A long subject is cut at the width of the terminal."""
    lines = list(Output(width=100).table([message(subject="x\n\x1b[2J" + "y" * 100)]))
    assert lines[0].split() == ["id", "received", "to", "subject"]
    assert lines[1].split()[0] == "12"
    assert "x [2Jyyy" in lines[1]
    assert len(lines[1]) == 100


def test_a_message_does_not_control_the_terminal() -> None:
    """Escape sequences could hide text, or change a link's address."""
    hostile = "\x1b]8;;https://evil.example\x07click\x1b[2J\r\x9b1A\u202e"
    whole = message(subject=hostile, text=f"{hostile}\n\tnext", to=[hostile], **{"from": hostile})
    printed = "\n".join(Output(links=True).whole(whole))
    assert not set(printed) & {"\x1b", "\x07", "\r", "\x9b", "\u202e"}
    assert printed.endswith("\n next")


def test_links_can_be_clicked_only_on_a_terminal() -> None:
    """OSC 8 puts the address and the text of a link between escape sequences."""
    whole = message(text=f"Open {LINK}/y now.", links=[LINK, f"{LINK}/y"])
    clickable = f"\033]8;;{LINK}/y\033\\{LINK}/y\033]8;;\033\\"
    assert f"Open {clickable} now." in list(Output(links=True).whole(whole))
    assert f"Open {LINK}/y now." in list(Output(links=False).whole(whole))


def test_links_of_the_html_are_listed_after_the_text() -> None:
    """A message may have a link only in its HTML part."""
    assert list(Output().whole(message(text="Hello", links=[LINK])))[-2:] == ["Hello", LINK]

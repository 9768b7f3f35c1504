"""The mailbox keeps the newest messages as files."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.mail.envelope import Envelope
from lab.mail.mailbox import Mailbox

ENVELOPE = Envelope("roundtrip@localhost", ["ahmed@example.com"])


def ids(mailbox: Mailbox) -> list[int]:
    """Return the ids of the kept messages, the newest first."""
    return [kept.message_id for kept in mailbox.newest()]


def test_a_mailbox_without_messages_is_empty(tmp_path: Path) -> None:
    """The directory need not exist."""
    assert Mailbox(tmp_path / "mail").newest() == []


def test_only_the_newest_messages_are_kept(tmp_path: Path) -> None:
    """The oldest message is deleted when a new one arrives."""
    mailbox = Mailbox(tmp_path / "mail", max_messages=3)
    for _ in range(5):
        mailbox.add(ENVELOPE, b"")
    assert ids(mailbox) == [5, 4, 3]
    assert len(list((tmp_path / "mail").iterdir())) == 3


def test_ids_continue_after_a_restart(tmp_path: Path) -> None:
    """A new process reads the ids of the files that the old process has written."""
    Mailbox(tmp_path).add(ENVELOPE, b"")
    (tmp_path / "draft").write_bytes(b"half a message of a killed process")
    again = Mailbox(tmp_path)
    assert again.add(ENVELOPE, b"").message_id == 2
    assert ids(again) == [2, 1]


def test_an_id_is_not_used_again_after_its_file_was_deleted(tmp_path: Path) -> None:
    """If an id were used again, an open page could show the old message instead of the new one."""
    mailbox = Mailbox(tmp_path)
    mailbox.add(ENVELOPE, b"").path.unlink()
    assert mailbox.add(ENVELOPE, b"").message_id == 2


def test_other_files_are_ignored(tmp_path: Path) -> None:
    """A file is a message only if its name is a number in ASCII digits and `.eml`."""
    for name in ("x.eml", "1.txt", "٣.eml"):
        (tmp_path / name).touch()
    assert Mailbox(tmp_path).newest() == []


def test_messages_that_arrive_at_once_get_different_ids(tmp_path: Path) -> None:
    """Each message is written by its own thread."""
    mailbox = Mailbox(tmp_path)
    with ThreadPoolExecutor(8) as threads:
        added = list(threads.map(lambda _: mailbox.add(ENVELOPE, b"").message_id, range(40)))
    assert sorted(added) == list(range(1, 41))


def test_only_the_owner_can_read_messages(tmp_path: Path) -> None:
    """The links in messages are secrets."""
    kept = Mailbox(tmp_path / "mail").add(ENVELOPE, b"")
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.path.parent.stat().st_mode) == 0o700

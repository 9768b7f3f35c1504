"""A message as JSON, however broken the message is."""

import json
from pathlib import Path
from typing import Any

import pytest

from lab.mail.envelope import Envelope
from lab.mail.mailbox import Mailbox
from lab.mail.message import document, summary

PLAIN = b"Subject: Hello\r\nContent-Type: text/plain; charset=%s\r\n\r\n%s"
NESTED = b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (depth, depth)
    for depth in range(5000)
)


def read(directory: Path, content: bytes, *recipients: str) -> dict[str, Any]:
    """Keep a message, and return its document after a round trip through JSON."""
    kept = Mailbox(directory).add(Envelope("roundtrip@localhost", recipients), content)
    found = json.loads(json.dumps(document(kept), ensure_ascii=False).encode())
    assert found.items() >= summary(kept).items()
    return dict(found)


def test_a_message_has_its_text_and_its_links(tmp_path: Path) -> None:
    """The recipients are those of the SMTP commands, and not those of the header."""
    found = read(
        tmp_path,
        b"From: Roundtrip <a@b.example>\r\nTo: Everybody <c@d.example>\r\n"
        b"Date: Sun, 29 Nov 2026 22:00:00 +0100\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n\r\nOpen (https://a.example/x?y=1&z).\r\n",
        "ahmed@example.com",
        "bettina@example.com",
    )
    assert found["from"] == "Roundtrip <a@b.example>"
    assert found["to"] == ["ahmed@example.com", "bettina@example.com"]
    assert (found["subject"], found["date"]) == ("Grüße", "2026-11-29T21:00:00.000Z")
    assert found["text"] == "Open (https://a.example/x?y=1&z).\r\n"
    assert found["links"] == ["https://a.example/x?y=1&z"]
    assert ["To", "Everybody <c@d.example>"] in found["headers"]
    assert found["html"] is None


def test_a_message_with_only_html_has_its_visible_text(tmp_path: Path) -> None:
    """The text contains the address of each link, and no script."""
    html = (
        b"<title>No</title><p>Hello&nbsp;<b>Ahmed</b>,</p><script>alert(1)</script>\r\n"
        b"<p><a href='https://a.example/?x=1&amp;y=2'>Confirm</a> or "
        b"<a href='javascript:alert(1)'>not</a></p>"
    )
    found = read(tmp_path, b"Content-Type: text/html\r\n\r\n" + html)
    assert found["text"] == "Hello Ahmed,\n\nConfirm https://a.example/?x=1&y=2 or not"
    assert found["links"] == ["https://a.example/?x=1&y=2"]
    assert found["html"] == html.decode()


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("See https://a.example/x.", ["https://a.example/x"]),
        ("https://a.example/(x) (https://a.example/y)", ["https://a.example/(x)",
                                                         "https://a.example/y"]),
        ("<https://a.example/x#t=1> https://a.example/x#t=1", ["https://a.example/x#t=1"]),
        ("javascript:alert(1) ftp://a.example file:///etc/passwd", []),
        ("https://a.example/\x1b]8;;x", ["https://a.example/"]),
        ("https://a.example/" + "x" * 3000, []),
    ],
    ids=["sentence", "parentheses", "twice", "other schemes", "escape", "too long"],
)  # fmt: skip
def test_links_are_found_in_a_text(tmp_path: Path, text: str, links: list[str]) -> None:
    """Punctuation around a link does not belong to it."""
    assert read(tmp_path, b"\r\n" + text.encode())["links"] == links


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", ""),
        (b"\r\n", ""),
        (PLAIN % (b"iso-8859-1", b"caf\xe9"), "café"),
        (PLAIN % (b"utf-8", b"caf\xe9"), "caf\N{REPLACEMENT CHARACTER}"),
        (PLAIN % (b"rot13", b"x"), "x"),
        (PLAIN % (b"nothing", b"caf\xc3\xa9"), "café"),
        # A lone surrogate, which JSON in UTF-8 cannot contain.
        (PLAIN % (b"utf-7", b"+2AA-"), "?"),
        (b"Content-Transfer-Encoding: base64\r\n\r\n!!!!", ""),
        (b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhalf", "half"),
        (b"Content-Type: multipart/mixed\r\n\r\nno boundary", ""),
        (b"Content-Type: \xff; charset=\xff\r\n\r\nodd type", "odd type"),
        (b"Content-Type: image/png\r\n\r\n\x89PNG", ""),
    ],
    ids=["0 bytes", "0 bytes of body", "latin 1", "not utf-8", "no charset", "unknown charset",
         "surrogate", "no base64", "half multipart", "no boundary", "odd type", "no text"],
)  # fmt: skip
def test_the_text_of_a_broken_message(tmp_path: Path, content: bytes, text: str) -> None:
    """What can be read is shown, and nothing fails."""
    assert read(tmp_path, content)["text"] == text


@pytest.mark.parametrize(
    ("field", "subject"),
    [
        (b"caf\xe9 \xff", "caf\N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER}"),
        ("café".encode(), "café"),
        (b"=?utf-8?b?A?=", "=?utf-8?b?A?="),
        (b"=?utf-7?q?+2AA-?=", "?"),
        (b"=?nothing?q?x?=", "x"),
        (b"two\r\n lines", "two lines"),
        (b"x" * 10_000, "x" * 500 + "…"),
    ],
    ids=["no utf-8", "utf-8", "no base64", "surrogate", "unknown charset", "folded", "long"],
)
def test_the_subject_of_a_broken_message(tmp_path: Path, field: bytes, subject: str) -> None:
    """A subject may have any bytes and any length. Of a long subject, the beginning is kept."""
    assert read(tmp_path, b"Subject: " + field + b"\r\n\r\nx")["subject"] == subject


def test_a_deeply_nested_message_is_shown_as_it_is(tmp_path: Path) -> None:
    """Python's parser cannot parse such a message, so the text is the whole message."""
    assert "boundary=b4999" in read(tmp_path, NESTED)["text"]


@pytest.mark.parametrize("date", [b"yesterday", b"Mon, 99 Nov 2026 99:99:99 +9999", b"0"])
def test_an_invalid_date_is_no_date(tmp_path: Path, date: bytes) -> None:
    """The time at which the message arrived is known in any case."""
    found = read(tmp_path, b"Date: " + date + b"\r\n\r\n")
    assert found["date"] is None
    assert found["received_at"].endswith("Z")


def test_a_message_cannot_add_recipients(tmp_path: Path) -> None:
    """The mailbox's own fields come first, and end with `Received`."""
    found = read(tmp_path, b"Delivered-To: other@example.com\r\n\r\n", "ahmed\r\nx@example.com")
    assert found["to"] == ["ahmed??x@example.com"]
    (tmp_path / "9.eml").write_bytes(b"Delivered-To: other@example.com\r\nSubject: x\r\n\r\n")
    assert summary(Mailbox(tmp_path).newest()[0])["to"] == []

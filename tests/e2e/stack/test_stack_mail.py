"""The mailbox of the local stack: what arrives by SMTP is kept, and `lab mail` shows it."""

import json
import smtplib
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from lab.mail.mailbox import MAX_MESSAGE_BYTES
from lab.stack.config.ports import LOOPBACK
from lab.stack.processes.waiting import wait_until
from tests.accounts import new_email, signup_body
from tests.e2e.local_stack import LocalStack
from tests.e2e.mailing import SENDER, messages, send, send_text, smtp

LINK = "https://a.example/confirm#x1"


def test_a_signup_sends_a_link_that_confirms_the_address(stack: LocalStack) -> None:
    """The link leads to the stack's own page, and its token confirms the address."""
    email = new_email()
    account = stack.request("POST", "/api/users", body=signup_body(email=email)).json()
    assert account["email_confirmed"] is False
    shown = stack.succeed("mail", "show", "--to", email, "--wait", "20", "--link")
    page, _, token = shown.strip().partition("#")
    assert page == f"http://localhost:{stack.http_port}/account/confirm"
    response = stack.request("PUT", "/api/auth/email-confirmation", body={"token": token})
    assert response.status == 204


def test_lab_mail_lists_and_shows_what_was_sent(stack: LocalStack) -> None:
    """The list has a line for each message. `show` prints the newest message to an address."""
    email = new_email()
    send_text(stack, email, "first")
    send_text(stack, email, f"Open {LINK}.", subject="Second")
    listed = stack.run("mail", "--to", email).stdout.splitlines()
    assert [line.split()[-1] for line in listed[1:]] == ["Second", "Hello"]
    shown = stack.run("mail", "show", "--to", email.upper()).stdout
    assert f"To:       {email}\nSubject:  Second\n" in shown
    # Without a terminal, there are no escape sequences.
    assert shown.endswith(f"\n\nOpen {LINK}.\n")
    first = listed[2].split()[0]
    assert stack.run("mail", "show", first).stdout.endswith("\n\nfirst\n")


def test_lab_mail_prints_json(stack: LocalStack) -> None:
    """The list has a JSON document on one line for each message. `show` prints a whole message."""
    email = new_email()
    send_text(stack, email, f"Open {LINK}.")
    (summary,) = map(json.loads, stack.run("mail", "--to", email, "--json").stdout.splitlines())
    assert summary["to"] == [email]
    whole = json.loads(stack.run("mail", "show", str(summary["id"]), "--json").stdout)
    assert whole["links"] == [LINK]
    assert whole.items() >= summary.items()


def test_lab_mail_waits_for_the_next_message(stack: LocalStack) -> None:
    """The link is printed as soon as a message arrives that fits `--subject` and `--after`."""
    email = new_email()
    send_text(stack, email, "not this one", subject="Welcome")
    after = str(messages(stack, email)[0]["id"])
    options = ("--to", email, "--wait", "20", "--link")
    waiting = [
        stack.spawn("mail", "show", *options, "--subject", "CONFIRM"),
        stack.spawn("mail", "show", *options, "--after", after),
    ]
    time.sleep(1)
    assert [process.poll() for process in waiting] == [None, None]
    send_text(stack, email, f"Open {LINK}", subject="Please confirm")
    assert [process.communicate(timeout=20)[0] for process in waiting] == [f"{LINK}\n"] * 2


def test_a_message_that_is_not_there_is_an_error(stack: LocalStack) -> None:
    """The error says which message is missing, and how to list all messages."""
    email = new_email()
    missing = stack.run("mail", "show", "--to", email, "--wait", "0.2")
    assert (missing.returncode, missing.stdout) == (
        1,
        f"No message to {email} arrived within 0.2 s. List all messages:  lab mail\n",
    )
    assert stack.run("mail", "--to", email).stdout == f"No message to {email}.\n"
    assert "no message 999999999" in stack.run("mail", "show", "999999999").stdout
    send_text(stack, email, "no link")
    assert "has no link" in stack.run("mail", "show", "--to", email, "--link").stdout


def test_the_mailbox_answers_only_on_the_loopback(stack: LocalStack) -> None:
    """A machine in the same network can neither send nor read messages."""
    collector = psutil.Process(stack.identities()["collector"].pid)
    listening = [
        it.laddr for it in collector.net_connections("tcp") if it.status == psutil.CONN_LISTEN
    ]
    assert {address.ip for address in listening} == {LOOPBACK}
    assert stack.smtp_port in {address.port for address in listening}


def test_the_api_refuses_other_host_names(stack: LocalStack) -> None:
    """The API has the same protection from other web sites as the rest of the collector."""
    for path in ("/lab/api/mail", "/lab/api/mail/1", "/lab/mail"):
        assert stack.request("GET", path, headers={"Host": "evil.example"}).status == 400
    page = stack.request("GET", "/lab/mail")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src")
    assert "unsafe" not in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/lab/api/mail/0", 404),
        ("/lab/api/mail/x", 404),
        ("/lab/api/mail/" + "9" * 5000, 404),
        ("/lab/api/mail/%D9%A1", 404),
        ("/lab/api/mail/..%2f..%2fstack.json", 404),
        ("/lab/api/mail?limit=201", 422),
        ("/lab/api/mail?after=-1", 422),
    ],
)
def test_an_invalid_address_returns_a_problem(stack: LocalStack, path: str, status: int) -> None:
    """An unknown id gets 404, an invalid parameter 422. The collector does not fail."""
    response = stack.request("GET", path)
    assert (response.status, response.json()["status"]) == (status, status)


@pytest.mark.parametrize(
    ("content", "subject", "text"),
    [
        (b"", "", ""),
        (b"Subject: " + b"\r\n ".join([b"x" * 100] * 100) + b"\r\n\r\nlong", "x" * 100, "long"),
        (b"Subject: \xff\xfe\r\n\r\ncaf\xe9", "\ufffd\ufffd", "caf\ufffd"),
        (b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhalf", "", "half"),
        (b"Subject: =?utf-7?q?+2AA-?=\r\n\r\n\x00\x1b[2J", "?", "\x00\x1b[2J"),
    ],
    ids=["0 bytes", "10,000 characters", "no utf-8", "half of mime", "control characters"],
)
def test_a_hostile_message_is_kept(
    stack: LocalStack, content: bytes, subject: str, text: str
) -> None:
    """The list contains the message. `lab mail` prints nothing that controls a terminal."""
    email = new_email()
    assert send(stack, email, content)[0] == 250
    (summary,) = messages(stack, email)
    assert summary["subject"].startswith(subject)
    assert len(summary["subject"]) <= 501
    message = stack.request("GET", f"/lab/api/mail/{summary['id']}").json()
    assert message["text"].strip("\r\n") == text
    assert not {"\x00", "\x1b"} & set(stack.succeed("mail", "show", "--to", email))


def test_a_message_over_one_mebibyte_is_refused(stack: LocalStack) -> None:
    """The reply is 552, whether or not the client announces the size. Nothing is kept."""
    email = new_email()
    line = b"x" * 998 + b"\r\n"
    assert send(stack, email, line * (MAX_MESSAGE_BYTES // len(line) + 1))[0] == 552
    with smtp(stack) as connection:
        connection.ehlo()
        assert connection.mail(SENDER, [f"size={MAX_MESSAGE_BYTES + 1}"])[0] == 552
    assert send(stack, email, line * (MAX_MESSAGE_BYTES // len(line) - 1))[0] == 250
    assert len(messages(stack, email)) == 1


def test_a_request_of_a_web_page_sends_no_message(stack: LocalStack) -> None:
    """The mailbox refuses a POST request, even if its body has SMTP commands."""
    email = new_email()
    commands = f"EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<{email}>\r\nDATA\r\n\r\n.\r\n"
    with socket.create_connection((LOOPBACK, stack.smtp_port), timeout=10) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n{commands}".encode())
        with connection.makefile("rb") as replies:
            assert [line[:3] for line in replies] == [b"220", b"421"]
    assert messages(stack, email) == []


def test_messages_that_are_sent_at_once_are_all_kept(stack: LocalStack) -> None:
    """The same message sent twice is kept twice."""
    email = new_email()
    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda _: send(stack, email, b"Message-ID: <x@y>\r\n"), [0] * 8))
    assert {status for status, _ in replies} == {250}
    kept = [it["id"] for it in messages(stack, email)]
    assert len(set(kept)) == 8
    assert kept == sorted(kept, reverse=True)


def test_a_new_message_is_sent_as_an_event(stack: LocalStack) -> None:
    """Because of the event, the lab's page shows the message without polling."""
    email = new_email()
    with stack.event_stream() as page:
        assert page.readline() == b"retry: 1000\n"
        send_text(stack, email, "Hello")
        for line in page:
            if line == b"event: mail\n":
                data = page.readline()
                break
    assert json.loads(data.removeprefix(b"data: "))["to"] == [email]


def test_accepted_messages_survive_a_killed_collector(stack: LocalStack) -> None:
    """The mailbox replies after the message is on the disk. A new process keeps the SMTP port."""
    email, port = new_email(), stack.smtp_port
    with ThreadPoolExecutor(1) as threads:
        sending = threads.submit(_send_until_refused, stack, email)
        assert wait_until(lambda: bool(messages(stack, email)), timeout_s=10)
        stack.kill("collector")
        accepted = sending.result()
    assert accepted > 0
    assert wait_until(lambda: stack.request("GET", "/lab").status == 200, timeout_s=20)
    # The reply to the last message may be lost, although the message is kept.
    assert accepted <= len(messages(stack, email)) <= accepted + 1
    assert stack.smtp_port == port
    assert send(stack, email, b"")[0] == 250


def _send_until_refused(stack: LocalStack, to: str) -> int:
    # The mailbox keeps 200 messages.
    for accepted in range(190):
        try:
            assert send(stack, to, b"")[0] == 250
        except (OSError, smtplib.SMTPException):
            return accepted
        time.sleep(0.1)
    return pytest.fail("The collector was not killed.")

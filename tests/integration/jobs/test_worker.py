"""The worker: it sends messages, retries, and leaves failed jobs to an operator."""

import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from lab.stack.processes.waiting import wait_until
from tests.accounts import new_email, sign_up, signup_body
from tests.conftest import NewDatabase, StartService
from tests.integration.conftest import WithMail
from tests.integration.wire import text_with
from tests.mailbox import Mailbox, running_mailbox, running_worker, start_worker
from tests.receiver import Receiver, Span
from tests.service import TIMEOUT_SECONDS, Service, end, run_app


@dataclass(frozen=True)
class Queue:
    """A service without a worker, and the settings with which a test starts a worker."""

    service: Service
    mailbox: Mailbox
    settings: dict[str, str]
    database: psycopg.Connection
    log: Path

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command for operators."""
        return run_app(*command, settings=self.settings)

    def states(self) -> list[tuple[str, int]]:
        """Return the state of each job of the queue `mail`, and how often the job has run."""
        return self.database.execute(
            "SELECT status::text, attempts FROM procrastinate_jobs WHERE queue_name = 'mail'"
            " ORDER BY id"
        ).fetchall()

    def wait_for(self, states: list[tuple[str, int]]) -> None:
        """Wait until the jobs have these states."""
        assert wait_until(lambda: self.states() == states, timeout_s=30), self.states()


@pytest.fixture
def queue(
    new_tables: NewDatabase,
    start_service: StartService,
    defaults: Mapping[str, str],
    tmp_path: Path,
) -> Iterator[Queue]:
    """A service with its own database and its own mail server, without a worker."""
    url = new_tables()
    with running_mailbox() as mailbox, psycopg.connect(url, autocommit=True) as database:
        own = {**mailbox.settings, "DATABASE_URL": url, "JOB_MAX_PAUSE": "0.2"}
        service, settings = start_service(**own), {**defaults, **own}
        yield Queue(service, mailbox, settings, database, tmp_path / "worker")


def test_a_message_waits_for_a_worker(queue: Queue) -> None:
    """The signup does not wait for the worker. The job is deleted after the message was sent."""
    user = sign_up(queue.service.client)
    assert queue.states() == [("todo", 0)]
    with running_worker(queue.log, queue.settings):
        queue.mailbox.wait_for(user.email)
        queue.wait_for([])
    events = queue.database.execute("SELECT count(*) FROM procrastinate_events").fetchone()
    assert events == (0,)


def test_a_new_job_starts_at_once(with_mail: WithMail) -> None:
    """PostgreSQL notifies a waiting worker of a new job. The worker need not poll for it."""
    times = []
    for _ in range(5):
        began = time.monotonic()
        with_mail.mailbox.wait_for(sign_up(with_mail.client).email)
        times.append(time.monotonic() - began)
    assert min(times) < 2.5, times


def test_a_temporary_refusal_is_repeated(queue: Queue) -> None:
    """The worker tries until the server accepts the message. The link in the message works."""
    # check F30
    queue.mailbox.reply = "451 try again later"
    user = sign_up(queue.service.client)
    with running_worker(queue.log, queue.settings):
        queue.mailbox.wait_for_attempts(3)
        queue.mailbox.reply = "250 OK"
        token = queue.mailbox.token(user.email)
        queue.wait_for([])
    confirmed = queue.service.client.put("/api/auth/email-confirmation", json={"token": token})
    assert confirmed.status_code == 204


def test_after_the_last_attempt_a_job_waits_for_an_operator(queue: Queue) -> None:
    """The operator sees the reason, and can let the job run again."""  # check F30
    queue.mailbox.reply = "451 the mailbox of the recipient is full"
    user = sign_up(queue.service.client)
    settings = {**queue.settings, "JOB_MAX_ATTEMPTS": "2"}
    with running_worker(queue.log, settings):
        queue.wait_for([("failed", 2)])
        listed = queue.run("jobs", "list")
        assert listed.returncode == 0, listed.stderr
        assert "451 the mailbox of the recipient is full" in listed.stdout
        assert "confirm-email" in listed.stdout
        assert "2 attempts" in listed.stdout
        assert user.email not in listed.stdout
        queue.mailbox.reply = "250 OK"
        job_id = listed.stdout.split()[0]
        assert queue.run("jobs", "retry", job_id).returncode == 0
        queue.mailbox.wait_for(user.email)
        queue.wait_for([])
    again = queue.run("jobs", "retry", job_id)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == "No failed job has this id. See `python -m app jobs list`.\n"


def test_a_final_refusal_is_not_repeated(queue: Queue) -> None:
    """An operator can drop the job. The message is then deleted too."""  # check F30
    queue.mailbox.reply = "550 5.1.1 user unknown"
    sign_up(queue.service.client)
    with running_worker(queue.log, queue.settings):
        queue.wait_for([("failed", 1)])
    assert queue.mailbox.attempts == 1
    listed = queue.run("jobs", "list").stdout
    assert "550 5.1.1 user unknown" in listed
    assert queue.run("jobs", "drop", listed.split()[0]).returncode == 0
    assert queue.run("jobs", "list").stdout == ""
    left = queue.database.execute("SELECT count(*) FROM messages").fetchone()
    assert (queue.states(), left) == ([], (0,))


@pytest.mark.slow
def test_a_worker_finishes_its_job_before_it_ends(queue: Queue) -> None:
    """After SIGTERM, no new job begins, and the message is sent once."""
    queue.mailbox.pause = 1.0
    emails = [sign_up(queue.service.client).email for _ in range(2)]
    worker = start_worker(queue.log, {**queue.settings, "JOB_CONCURRENCY": "1"})
    try:
        assert wait_until(lambda: ("doing", 0) in queue.states(), timeout_s=30)
    finally:
        end(worker)
    assert worker.poll() == 0, queue.log.read_text()
    assert [message["To"] for message in queue.mailbox.messages] == emails[:1]
    assert queue.states() == [("todo", 0)]


@pytest.mark.slow
def test_the_jobs_of_a_killed_worker_are_run_by_another(queue: Queue) -> None:
    """The other worker waits until there was no heartbeat for ten seconds."""  # check F31
    queue.mailbox.pause = 2.0
    user = sign_up(queue.service.client)
    killed = start_worker(queue.log, queue.settings)
    queue.wait_for([("doing", 0)])
    killed.kill()
    killed.wait(TIMEOUT_SECONDS)
    queue.mailbox.pause = 0.0
    with running_worker(queue.log, queue.settings):
        queue.mailbox.wait_for(user.email)
        queue.wait_for([])
    assert 1 <= len(queue.mailbox.to(user.email)) <= 2


@pytest.mark.slow
def test_a_worker_continues_after_postgresql_has_closed_its_connections(queue: Queue) -> None:
    """The worker opens new connections. It ends by itself only if its settings are wrong."""
    with running_worker(queue.log, queue.settings) as worker:
        sign_up(queue.service.client)
        queue.wait_for([])
        queue.database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        time.sleep(0.5)
        queue.mailbox.wait_for(sign_up(queue.service.client).email)
        assert worker.poll() is None


def test_without_a_mail_server_messages_wait(queue: Queue) -> None:
    """Without SMTP_URL, as on a developer's machine, all other jobs run."""
    sign_up(queue.service.client)
    settings = {name: it for name, it in queue.settings.items() if name != "SMTP_URL"}
    settings["SWEEP_SCHEDULE"] = "* * * * * *"
    with running_worker(queue.log, settings):
        text_with(queue.log, '"swept"', timeout_seconds=30)
    assert queue.states() == [("todo", 0)]
    assert "mail_not_configured" in queue.log.read_text()


def test_a_wrong_schedule_is_named(queue: Queue) -> None:
    """The worker does not start."""
    settings = {**queue.settings, "SWEEP_SCHEDULE": "now and then"}
    result = run_app("worker", settings=settings)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("SWEEP_SCHEDULE is not in cron's notation")


@pytest.mark.slow
def test_one_of_several_workers_sweeps(queue: Queue) -> None:
    """At each scheduled time, one worker deletes expired rows.

    It deletes the messages that were sent a day ago. After 30 days, it also deletes failed jobs and
    messages that were not sent.
    """
    # check 53
    user = sign_up(queue.service.client)
    settings = {**queue.settings, "SWEEP_SCHEDULE": "* * * * * *"}
    with running_worker(queue.log, settings), running_worker(queue.log, settings):
        queue.mailbox.wait_for(user.email)
        queue.wait_for([])
        queue.database.execute("UPDATE messages SET sent_at = sent_at - interval '24 hours'")
        queue.database.execute(
            "WITH job AS (INSERT INTO procrastinate_jobs (queue_name, task_name, status)"
            " VALUES ('mail', 'send-message', 'failed') RETURNING id)"
            " UPDATE procrastinate_events SET at = now() - interval '30 days' FROM job"
            " WHERE job_id = job.id"
        )
        queue.database.execute(
            "INSERT INTO messages (user_id, kind, address, created_at) VALUES"
            " (%s, 'password-changed', 'a@example.com', now() - interval '30 days')",
            [user.id],
        )
        assert wait_until(
            lambda: not queue.database.execute("SELECT FROM messages").rowcount, timeout_s=30
        ), queue.log.read_text()
        queue.wait_for([])
    times = queue.log.read_text().count('"event":"swept"')
    assert 1 <= times <= 40
    left = queue.database.execute(
        "SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM links)"
    ).fetchone()
    assert left == (0, 0)


def test_the_metrics_show_the_queue_and_the_workers(queue: Queue) -> None:
    """The metrics count jobs by queue and state, and workers, and show the oldest job's age."""
    sign_up(queue.service.client)
    metrics = queue.service.client.get("/metrics").text
    assert 'roundtrip_jobs{queue="mail",state="todo"} 1.0' in metrics
    assert 'roundtrip_jobs{queue="mail",state="failed"} 0.0' in metrics
    assert 'roundtrip_oldest_job_seconds{queue="mail",state="todo"} 0.' in metrics
    assert "roundtrip_workers 0.0" in metrics
    with running_worker(queue.log, queue.settings):
        queue.wait_for([])
        metrics = queue.service.client.get("/metrics").text
    assert "roundtrip_workers 1.0" in metrics
    assert "roundtrip_queue_up 1.0" in metrics


def test_the_jobs_of_all_queues_of_a_killed_worker_are_retried(queue: Queue) -> None:
    """A job that was started as often as allowed fails, because it may kill its workers."""
    # check F31
    for attempts in (0, 99):
        queue.database.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status, args, attempts)"
            " VALUES ('mail', 'send-message', 'doing', '{\"message_id\": 0}', %s)",
            [attempts],
        )
    for status in ("doing", "todo"):
        queue.database.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, status, args)"
            " VALUES ('maintenance', 'sweep', 'sweep', %s, '{\"timestamp\": 0}')",
            [status],
        )
    with running_worker(queue.log, queue.settings):
        queue.wait_for([("failed", 100)])
        assert wait_until(
            lambda: queue.log.read_text().count('"event":"swept"') >= 2, timeout_s=30
        ), queue.log.read_text()


def test_a_job_with_wrong_arguments_fails(queue: Queue) -> None:
    """The worker logs the error, and runs the other jobs."""
    queue.database.execute(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args)"
        " VALUES ('mail', 'send-message', '{}'), ('mail', 'no-such-task', '{}'),"
        " ('mail', 'send-message', '{\"message_id\": \"x\"}')"
    )
    with running_worker(queue.log, queue.settings):
        queue.mailbox.wait_for(sign_up(queue.service.client).email)
        queue.wait_for([("failed", 1)] * 3)
    assert "TypeError" in queue.log.read_text()
    listed = queue.run("jobs", "list").stdout.splitlines()
    assert len(listed) == 3
    assert all("see the log" in line for line in listed)
    for line in listed:
        assert queue.run("jobs", "drop", line.split()[0]).returncode == 0
    assert queue.states() == []


def test_a_disabled_account_cannot_sign_in(queue: Queue) -> None:
    """All its sessions end. A wrong password gets the same response as for other accounts."""
    client, user = queue.service.client, sign_up(queue.service.client)
    disabled = queue.run("users", "disable", "--email", user.email.upper())
    assert disabled.stdout == f"{user.email} is disabled now (user {user.id}).\n", disabled.stderr
    # The command ended the session in another process. The service may need a second to notice it.
    time.sleep(1)
    assert client.get(user.url, headers=user.auth).status_code == 401
    login = {"email": user.email, "password": user.password}
    for path in ("/api/auth/login", "/api/auth/session"):
        refused = client.post(path, json=login)
        assert (refused.status_code, refused.json()["code"]) == (403, "account-disabled")
        wrong = client.post(path, json={**login, "password": "not the password at all"})
        assert (wrong.status_code, wrong.json()["code"]) == (401, "bad-credentials")
    assert "disabled" in queue.run("users", "list").stdout
    assert queue.run("users", "enable", "--email", user.email).returncode == 0
    assert client.post("/api/auth/login", json=login).status_code == 200
    missing = queue.run("users", "disable", "--email", new_email())
    assert (missing.returncode, missing.stdout) == (1, "")
    invalid = queue.run("users", "disable", "--email", "nobody")
    assert invalid.returncode == 2


def test_the_trace_of_a_request_goes_on_in_the_worker(
    queue: Queue, start_service: StartService, receiver: Receiver
) -> None:
    """One trace has the request, the insertion of the job, its wait, its run and the sending."""
    settings = {**queue.settings, **receiver.settings}
    client = start_service(**settings).client
    with running_worker(queue.log, settings):
        trace_id, email = "0af7651916cd43dd8448eb211c80319c", new_email()
        headers = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
        assert client.post("/api/users", json=signup_body(email=email), headers=headers).is_success
        queue.mailbox.wait_for(email)
        spans = _spans_with_job(receiver, trace_id)
    assert {"send mail", "wait in mail", "process mail", "smtp connect", "smtp send"} <= set(spans)
    inserted, ran = spans["send mail"], spans["process mail"]
    assert (inserted.kind, ran.kind) == ("PRODUCER", "CONSUMER")
    assert ran.parent_id == inserted.id
    assert "@" not in str(spans)


def _spans_with_job(receiver: Receiver, trace_id: str) -> dict[str, Span]:
    def spans() -> dict[str, Span]:
        return {span.name: span for span in receiver.trace(trace_id)}

    assert wait_until(lambda: "process mail" in spans(), timeout_s=30), set(spans())
    return spans()

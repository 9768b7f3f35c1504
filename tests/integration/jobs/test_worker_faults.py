"""Faults of the worker and of the mail server: no message is lost, and signups stay fast."""

import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import quantiles

import psycopg
import pytest

from tests.accounts import new_email, sign_up, signup_body
from tests.conftest import NewDatabase
from tests.mailbox import Mailbox, running_mailbox, running_worker, start_worker
from tests.service import TIMEOUT_SECONDS, Service, running_service

_KILLS = 100
_MESSAGES = 600


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server of one test."""
    with running_mailbox() as mailbox:
        yield mailbox


@pytest.fixture
def settings(
    mailbox: Mailbox, new_tables: NewDatabase, defaults: Mapping[str, str]
) -> dict[str, str]:
    """The settings of a service and of workers with their own database."""
    return {**defaults, **mailbox.settings, "DATABASE_URL": new_tables(), "JOB_MAX_PAUSE": "1"}


@pytest.fixture
def service(settings: Mapping[str, str], tmp_path: Path) -> Iterator[Service]:
    """A service without a worker."""
    with running_service(tmp_path / "service", settings) as service:
        yield service


def _wait_until_sent(mailbox: Mailbox, settings: Mapping[str, str], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    with psycopg.connect(settings["DATABASE_URL"], autocommit=True) as connection:
        while (
            left := connection.execute("SELECT status, count(*) FROM procrastinate_jobs GROUP BY 1")
        ).rowcount:
            assert time.monotonic() < deadline, (left.fetchall(), len(mailbox.messages))
            time.sleep(0.2)


@pytest.mark.slow
def test_no_message_is_lost_when_workers_are_killed(
    mailbox: Mailbox, settings: dict[str, str], service: Service, tmp_path: Path
) -> None:
    """Each kill causes at most one duplicate message."""
    # check F31
    user = sign_up(service.client)
    with psycopg.connect(settings["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("DELETE FROM procrastinate_jobs")
        # The mail server takes 10 ms, so that most kills are in the middle of a job.
        for number in range(_MESSAGES):
            connection.execute(
                "WITH message AS (INSERT INTO messages (user_id, kind, address)"
                " VALUES (%s, 'password-changed', %s) RETURNING id)"
                " SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('mail', 'send-message', 0, NULL,"
                " NULL, jsonb_build_object('message_id', id), NULL)"
                "::procrastinate_job_to_defer_v1]) FROM message",
                [user.id, f"{number}@example.com"],
            )
    mailbox.pause = 0.01
    kills = 0
    while kills < _KILLS:
        before = mailbox.attempts
        workers = [start_worker(tmp_path / "worker", settings) for _ in range(2)]
        deadline = time.monotonic() + 15
        while mailbox.attempts == before and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(random.uniform(0, 0.1))  # noqa: S311 - no secret
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.wait(TIMEOUT_SECONDS)
            kills += 1
    with running_worker(tmp_path / "worker", settings):
        _wait_until_sent(mailbox, settings, 120)
    received = Counter(message["To"] for message in mailbox.messages)
    assert len(received) == _MESSAGES
    duplicates = sum(received.values()) - _MESSAGES
    print(f"{kills} kills, {_MESSAGES} messages, {duplicates} sent twice")
    assert duplicates <= kills


@pytest.mark.slow
def test_every_message_is_sent_when_the_mail_server_is_back(
    settings: dict[str, str], service: Service, tmp_path: Path
) -> None:
    """Signups succeed without the mail server. Later, each message is sent exactly once."""
    # check F30
    away = Mailbox()
    own = {**settings, **away.settings}
    emails = {sign_up(service.client).email for _ in range(20)}
    with running_worker(tmp_path / "worker", own):
        time.sleep(5)
        with running_mailbox(away):
            _wait_until_sent(away, settings, 60)
    assert Counter(message["To"] for message in away.messages) == Counter(emails)


@pytest.mark.alone
def test_a_frozen_mail_server_does_not_delay_signups(
    mailbox: Mailbox, settings: dict[str, str], service: Service, tmp_path: Path
) -> None:
    """The p99 of signups is at most 10 % higher than with a working mail server."""
    # check F30
    times: dict[float, list[float]] = {0.0: [], 30.0: []}
    with running_worker(tmp_path / "worker", settings):
        for _ in range(6):
            for pause in times:
                mailbox.pause = pause
                times[pause] += _signup_times(service, 60)
    p99 = {pause: quantiles(taken, n=100)[-1] for pause, taken in times.items()}
    print(f"p99 of signups: {p99[0.0] * 1000:.0f} ms, frozen: {p99[30.0] * 1000:.0f} ms")
    assert p99[30.0] <= 1.1 * p99[0.0]


def _signup_times(service: Service, number: int) -> list[float]:
    def signup(_: int) -> float:
        began = time.perf_counter()
        response = service.client.post("/api/users", json=signup_body(email=new_email()))
        assert response.status_code == 201
        return time.perf_counter() - began

    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(signup, range(number)))

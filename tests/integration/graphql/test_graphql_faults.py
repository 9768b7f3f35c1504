"""A GraphQL request when the database or a statement fails, or when the deadline passes."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from lab.stack.processes.waiting import wait_until
from tests.conftest import NewDatabase, StartService
from tests.integration.faults import wait_for_lock
from tests.integration.graphql.graph import codes, errors, send
from tests.integration.wire import log_with, problem

_PRODUCTS = "{ products { nodes { id } } }"


def test_without_the_database_a_field_is_unavailable(start_service: StartService) -> None:
    """The error says when to try again. Fields that need no database are in the response."""
    service = start_service(DATABASE_URL="postgresql://roundtrip:no-server-here@127.0.0.1:1/none")
    response = send(service.client, "{ __typename products { nodes { id } } }")
    assert response.status_code == 200
    assert response.json()["data"] == {"__typename": "Query", "products": None}
    (error,) = errors(response)
    assert error["extensions"]["code"] == "unavailable"
    assert error["extensions"]["retryAfter"] == 1


def test_an_unexpected_exception_is_logged_and_not_shown(
    start_service: StartService, new_database: NewDatabase
) -> None:
    """The client gets `internal-error`, and the log has the cause."""
    service = start_service(DATABASE_URL=new_database())
    response = send(service.client, _PRODUCTS)
    assert response.json()["data"] == {"products": None}
    assert codes(response) == ["internal-error"]
    assert "products" not in errors(response)[0]["message"]
    log_with(service, "unexpected_error", "UndefinedTable")


@pytest.mark.slow
def test_the_deadline_ends_the_reads_of_a_query(
    start_service: StartService, new_tables: NewDatabase
) -> None:
    """A loader reads in a task of its own, which ends with the request."""
    database_url = new_tables()
    times = {"DATABASE_STATEMENT_TIMEOUT": "3.5", "REQUEST_TIMEOUT": "4"}
    service = start_service(DATABASE_URL=database_url, DATABASE_POOL_SIZE="1", **times)
    query = "{ product(id: 1) { id } }"
    with (
        psycopg.connect(database_url, autocommit=True) as watcher,
        psycopg.connect(database_url) as holder,
        ThreadPoolExecutor(1) as other,
    ):
        holder.execute("LOCK TABLE products")
        # The first request has the connection for 3.5 s. The second one starts 1 s later, so it
        # gets the connection 1.5 s before its deadline. If its statement were not cancelled, it
        # would run until 2 s after the deadline.
        first = other.submit(send, service.client, query)
        wait_for_lock(holder)
        time.sleep(1)
        problem(send(service.client, query), 503, "deadline-exceeded")
        assert wait_until(lambda: not _is_waiting(watcher), timeout_s=1), "the statement still runs"
        assert codes(first.result()) == ["unavailable"]


def _is_waiting(database: psycopg.Connection) -> bool:
    found = database.execute(
        "SELECT 1 FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return found.fetchone() is not None

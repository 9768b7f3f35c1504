"""The service starts in any environment, or says in one sentence what to change."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from lab.stack.config.ports import free_port
from tests.accounts import sign_up
from tests.service import CHECKOUT, TIMEOUT_SECONDS, environment, wait_until_alive

_COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
_WORKING: list[Mapping[str, str]] = [
    {"PYTHONOPTIMIZE": "1"},
    {"PYTHONOPTIMIZE": "2"},
    {"PYTHONUTF8": "0", "LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"},
    {"LANG": "tr_TR.UTF-8", "LC_ALL": "C"},
    {"TZ": "Asia/Kathmandu"},
    {"HOME": "/nonexistent", "TMPDIR": "/nonexistent"},
    {"PYTHONASYNCIODEBUG": "1"},
    {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
    {"TERM": "dumb", "NO_COLOR": "1", "FORCE_COLOR": "1"},
    {"WEB_CONCURRENCY": "1"},
    {"PORT": "1", "HOST": "nowhere.invalid", "UVICORN_PORT": "1"},
    {"http_proxy": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": ""},
    {"LOG_LEVEL": "INFO", "LOG_FORMAT": "JSON", "ENVIRONMENT": "Local", "CACHE": "ON"},
    {"RATE_LIMIT_DEFAULT": "", "CORS_ORIGINS": "", "PUBLIC_URL": ""},
    {"PGHOST": "nowhere.invalid", "PGPORT": "1", "PGUSER": "nobody", "PGDATABASE": "none"},
    {"PGOPTIONS": "-c default_transaction_read_only=on -c datestyle=German"},
    {"PGDATESTYLE": "German", "PGTZ": "Asia/Kathmandu", "PGGEQO": "off"},
    {"PGCLIENTENCODING": "LATIN1"},
    {"PGAPPNAME": "another", "PGCONNECT_TIMEOUT": "1"},
    {"PGPASSFILE": "/nonexistent", "PGSSLROOTCERT": "/nonexistent"},
    {"OTEL_PROPAGATORS": "none"},
    {"OTEL_SDK_DISABLED": "true", **_COLLECTOR},
    {"OTEL_RESOURCE_ATTRIBUTES": "broken,=,x", **_COLLECTOR},
    {"OTEL_TRACES_SAMPLER": "nonsense", **_COLLECTOR},
    {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", **_COLLECTOR},
    {"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4317"},
]
_REFUSED: list[tuple[Mapping[str, str], str]] = [
    ({"OTEL_PROPAGATORS": "nonsense"}, "OTEL_PROPAGATORS cannot be used: Propagator nonsense"),
    ({"LOG_LEVEL": "loud"}, "LOG_LEVEL"),
    ({"CACHE": "yes"}, "CACHE"),
    ({"DATABASE_URL": "mysql://a:b@127.0.0.1/c"}, "DATABASE_URL is not a valid URL"),
]


@contextmanager
def _started(
    variables: Mapping[str, str], log: Path
) -> Iterator[tuple["subprocess.Popen[bytes]", httpx2.Client]]:
    """Start a new Python process, as production does. The other tests fork a prepared process."""
    port = free_port()
    arguments = ["--factory", "app.main:create_app", "--port", str(port), "--reset-contextvars"]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", "uvicorn", *arguments],
            cwd=CHECKOUT,
            env=environment({"PYTHONWARNINGS": "default", **variables}),
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client,
    ):
        try:
            yield process, client
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("variables", _WORKING, ids=",".join)
def test_the_service_works_in_an_unusual_environment(
    defaults: Mapping[str, str], tmp_path: Path, variables: Mapping[str, str]
) -> None:
    """A signup works, a read returns times in UTC, and the API documentation is available."""
    log = tmp_path / "log"
    with _started({**defaults, **variables}, log) as (process, client):
        wait_until_alive(client, process, log)
        account = sign_up(client)  # check F34
        user = client.get(account.url, headers=account.auth).json()
        assert user["created_at"].endswith("Z")
        assert client.get("/openapi.json").status_code == 200
        assert client.get("/readyz").json()["status"] == "ready"


@pytest.mark.slow
@pytest.mark.parametrize(("variables", "message"), _REFUSED)
def test_the_service_says_what_to_change(
    defaults: Mapping[str, str], tmp_path: Path, variables: Mapping[str, str], message: str
) -> None:
    """The process ends with a sentence that names the variable, and without a stack trace."""
    log = tmp_path / "log"
    with _started({**defaults, **variables}, log) as (process, _):
        assert process.wait(TIMEOUT_SECONDS) == 1
    text = log.read_text()
    assert text.startswith(f"Roundtrip does not start:{os.linesep}{message}")  # check F34
    assert "Traceback" not in text

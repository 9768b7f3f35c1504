"""The container files agree with what they repeat; no Docker is needed to see it."""

import ast
import re
from pathlib import Path
from typing import Any

import yaml

from app.settings import Settings
from lab.stack.apps import UVICORN, AppProcess

CHECKOUT = Path(__file__).resolve().parents[2]
# What depends on where the process runs; of the proxies, the image is told by the environment.
PLACE = {"--app-dir", "--host", "--port", "--forwarded-allow-ips"}


def command() -> list[str]:
    """Return what the image runs."""
    text = (CHECKOUT / "Dockerfile").read_text().replace("\\\n", "")
    found = re.search(r"^CMD (\[.+\])$", text, re.MULTILINE)
    assert found
    return list(ast.literal_eval(found[1]))


def options(arguments: list[str]) -> dict[str, str]:
    """Return uvicorn's options, each with its value if it has one, but for those of the place."""
    pairs = zip(arguments, [*arguments[1:], "--"], strict=True)
    return {
        name: "" if value.startswith("--") else value
        for name, value in pairs
        if name.startswith("--") and name not in PLACE
    }


def services() -> dict[str, Any]:
    """Return the services of docker-compose.yml."""
    found: dict[str, dict[str, Any]] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
    return found["services"]


def test_the_image_starts_uvicorn_as_the_local_stack_does() -> None:
    """What every other test has seen work is what is shipped."""
    assert options(command()) == options([*AppProcess.application, *UVICORN])


def test_docker_waits_longer_than_the_service_takes_to_end() -> None:
    """First it says that it will, then it finishes what it has begun."""
    finishing = float(options(command())["--timeout-graceful-shutdown"])
    announcing = Settings.model_fields["drain_delay"].default
    for name in ("app-1", "app-2"):
        patience = float(services()[name]["stop_grace_period"].removesuffix("s"))
        assert patience > announcing + finishing


def test_caddy_traces_requests_where_the_service_does() -> None:
    """Both under the one profile; without it, the variable is empty, which means: not at all."""
    caddy = dict(it.partition("=")[::2] for it in services()["caddy"]["environment"])
    app = services()["app-1"]["environment"]
    assert app["OTEL_EXPORTER_OTLP_ENDPOINT"] == "${COMPOSE_PROFILES:+http://jaeger:4318}"
    assert caddy["OTEL_TRACES_EXPORTER"] == "${COMPOSE_PROFILES:+otlp}"
    assert caddy["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://jaeger:4318"


def test_no_container_runs_with_more_than_it_needs() -> None:
    """Each of them, also those that only a profile starts."""
    for name, service in services().items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges"], name
        assert service["mem_limit"], name
        assert service["logging"]["options"]["max-size"], name


def test_no_registry_is_asked_for_our_own_image() -> None:
    """What it has under this name would run, with our secrets, in place of what is built here."""
    ours = [it for it in services().values() if it["image"].startswith("roundtrip:")]
    assert [it["pull_policy"] for it in ours] == ["never"] * 3


def test_the_builder_is_given_an_allow_list() -> None:
    """Whatever appears in the checkout next is not sent unless it is named."""
    lines = (CHECKOUT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert [rule for rule in rules if rule.startswith("!")] == [
        "!alembic.ini",
        "!app/",
        "!migrations/",
        "!requirements/app.txt",
    ]

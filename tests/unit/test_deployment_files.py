"""The values in the files for Docker and Kubernetes fit the service."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import Settings
from lab.stack.servers.apps import UVICORN, AppProcess
from tests.service import CHECKOUT

# These options depend on where uvicorn runs. In the image, the variable FORWARDED_ALLOW_IPS
# replaces `--forwarded-allow-ips`.
LOCATION_OPTIONS = {"--app-dir", "--host", "--port", "--forwarded-allow-ips"}
MANIFESTS = CHECKOUT / "deploy" / "kubernetes"
KUSTOMIZATIONS = sorted(MANIFESTS.rglob("kustomization.yaml"))
WORKER_END_SECONDS = 8
"""How long the worker takes to end: 6 s for its jobs, 2 s for their cancellation."""
SERVER_CONNECTIONS = 97
"""The default of PostgreSQL's `max_connections`, without those for superusers."""
MIGRATION_CONNECTIONS = 2
POOL_CONNECTIONS = Settings.model_fields["database_pool_size"].default
WORKER_CONNECTIONS = 4 + POOL_CONNECTIONS
"""The connections of the job queue, and those of the repositories."""


def command() -> list[str]:
    """Return the CMD of the image."""
    text = (CHECKOUT / "Dockerfile").read_text().replace("\\\n", "")
    match = re.search(r"^CMD (\[.+\])$", text, re.MULTILINE)
    assert match
    return list(ast.literal_eval(match[1]))


def options(arguments: list[str]) -> dict[str, str]:
    """Return uvicorn's options with their values, without `LOCATION_OPTIONS`."""
    pairs = zip(arguments, [*arguments[1:], "--"], strict=True)
    return {
        name: "" if value.startswith("--") else value
        for name, value in pairs
        if name.startswith("--") and name not in LOCATION_OPTIONS
    }


def shutdown_seconds() -> float:
    """Return how long uvicorn takes to finish the requests in progress, and to end."""
    return float(options(command())["--timeout-graceful-shutdown"]) + 2


def services() -> dict[str, Any]:
    """Return the services of docker-compose.yml."""
    document: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
    by_name: dict[str, Any] = document["services"]
    return by_name


def resource(file: str, kind: str) -> dict[str, Any]:
    """Return the only resource of this kind in a file of the base."""
    resources = yaml.safe_load_all((MANIFESTS / "base" / file).read_text())
    (found,) = [it for it in resources if it["kind"] == kind]
    return dict(found)


def test_the_image_starts_uvicorn_as_the_local_stack_does() -> None:
    """With equal options, the tests of the local stack also test the options of the image."""
    assert options(command()) == options([*AppProcess.application, *UVICORN])


def test_docker_waits_longer_than_the_service_takes_to_stop() -> None:
    """After SIGTERM, the service waits for `DRAIN_DELAY`, then finishes requests in progress."""
    drain_seconds = Settings.model_fields["drain_delay"].default
    for name in ("app-1", "app-2"):
        grace_seconds = float(services()[name]["stop_grace_period"].removesuffix("s"))
        assert grace_seconds > drain_seconds + shutdown_seconds()
    assert float(services()["worker"]["stop_grace_period"].removesuffix("s")) > WORKER_END_SECONDS


def test_caddy_and_the_service_send_traces_to_the_same_endpoint() -> None:
    """Without a Compose profile, an empty variable keeps each of them from sending traces."""
    caddy = dict(it.partition("=")[::2] for it in services()["caddy"]["environment"])
    app = services()["app-1"]["environment"]
    assert app["OTEL_EXPORTER_OTLP_ENDPOINT"] == "${COMPOSE_PROFILES:+http://jaeger:4318}"
    assert caddy["OTEL_TRACES_EXPORTER"] == "${COMPOSE_PROFILES:+otlp}"
    assert caddy["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://jaeger:4318"


def test_every_container_has_limited_privileges_memory_and_logs() -> None:
    """Containers that only a profile starts have these limits, too."""
    for name, service in services().items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges"], name
        assert service["mem_limit"], name
        assert service["logging"]["options"]["max-size"], name


def test_our_own_image_is_never_pulled_from_a_registry() -> None:
    """A pulled image with this name would replace ours, and would get our secrets."""
    own_services = [it for it in services().values() if it["image"].startswith("roundtrip:")]
    assert [it["pull_policy"] for it in own_services] == ["never"] * 4


def test_the_build_context_has_only_the_listed_files() -> None:
    """A new file in the checkout is sent to the builder only after .dockerignore lists it."""
    lines = (CHECKOUT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert [rule for rule in rules if rule.startswith("!")] == [
        "!alembic.ini",
        "!app/",
        "!migrations/",
        "!requirements/app.txt",
    ]


@pytest.mark.parametrize("file", KUSTOMIZATIONS, ids=lambda file: file.parent.name)
def test_every_setting_of_a_pod_exists(file: Path) -> None:
    """The service ignores an unknown variable, so a misspelled one would have no effect."""
    # uvicorn reads FORWARDED_ALLOW_IPS.
    known = {name.upper() for name in Settings.model_fields} | {"FORWARDED_ALLOW_IPS"}
    for generator in yaml.safe_load(file.read_text())["configMapGenerator"]:
        assert {line.partition("=")[0] for line in generator.get("literals", ())} <= known


def test_a_pod_has_time_to_finish_its_requests() -> None:
    """Kubernetes kills a pod after its grace period, which begins before `preStop`."""
    pod = resource("app.yaml", "Deployment")["spec"]["template"]["spec"]
    pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > pause + shutdown_seconds()
    worker = resource("worker.yaml", "Deployment")["spec"]["template"]["spec"]
    assert worker["terminationGracePeriodSeconds"] > WORKER_END_SECONDS


def test_all_pods_together_fit_the_connections_of_the_server() -> None:
    """A rollout adds one pod of the app. Without a free connection, requests would get 503."""
    apps = resource("availability.yaml", "HorizontalPodAutoscaler")["spec"]["maxReplicas"]
    worker = resource("worker.yaml", "Deployment")["spec"]
    workers = worker["replicas"] + worker["strategy"]["rollingUpdate"]["maxSurge"]
    needed = (apps + 1) * POOL_CONNECTIONS + workers * WORKER_CONNECTIONS + MIGRATION_CONNECTIONS
    assert needed <= SERVER_CONNECTIONS

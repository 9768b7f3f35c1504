"""The ratios of `make bench`, and its report."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from lab.bench.backends import Backends
from lab.bench.choices import Choices
from lab.bench.results.figures import FIGURES, RATIOS, Ratio, Spread
from lab.bench.results.report import Report
from lab.bench.run import Run
from lab.stack.errors import LabError
from lab.stack.servers.postgres import PostgresServer
from lab.stack.servers.valkey import ValkeyServer


def test_a_process_behind_a_pooler_does_not_connect_to_postgresql(tmp_path: Path) -> None:
    """The DATABASE_URL of the process replaces the address of the server."""
    for name in ("postgres", "valkey"):
        (tmp_path / name).mkdir()
    servers = PostgresServer(tmp_path / "postgres"), ValkeyServer(tmp_path / "valkey")
    backends = Backends(tmp_path, *servers, product_ids=[], user_id=1)
    assert backends.environment()["DATABASE_URL"] == backends.postgres.url
    pooled = backends.environment(DATABASE_URL="postgresql://pooler")
    assert pooled["DATABASE_URL"] == "postgresql://pooler"


def test_a_ratio_is_calculated_for_each_round() -> None:
    """A slow round slows both figures of the round, so their ratio hardly changes."""
    samples = {"ours": [50.0, 10.0, 60.0], "bare": [100.0, 20.0, 100.0]}
    assert Ratio("", "ours", "bare", at_least=0.5).spread(samples) == Spread(0.5, 0.5, 0.6)


def test_a_ratio_has_a_minimum_or_a_maximum() -> None:
    """A value that is equal to the minimum or the maximum reaches the objective."""
    assert Ratio("", "a", "b", at_least=0.5).reached(0.5)
    assert not Ratio("", "a", "b", at_least=0.5).reached(0.49)
    assert Ratio("", "a", "b", at_most=3).reached(3)
    assert not Ratio("", "a", "b", at_most=3).reached(3.1)


def test_the_report_omits_what_was_not_measured_and_has_the_reason() -> None:
    """If Fastify or PgBouncer was not measured, the report has no figure and no ratio of it."""
    names = [it.name for it in FIGURES if not it.name.startswith(("peer_", "pooled_"))]
    caveats = ["Fastify is not measured, because Node.js is missing.", "PgBouncer is missing."]
    report = Report(
        date=datetime(2026, 11, 29, tzinfo=UTC),
        choices=Choices(seconds=1, rounds=1, requests=1, report=Path("benchmarks.md")),
        machine={},
        samples={name: [1.0] for name in names},
        rate=1,
        requests=1,
        caveats=caveats,
    )
    others = ("Fastify", "through PgBouncer")
    ours = {ratio.title for ratio in RATIOS if not ratio.title.startswith(others)}
    assert report.fields()["ratios"] == {
        title: {"median": 1, "low": 1, "high": 1} for title in ours
    }
    for name, caveat in zip(("Fastify", "PgBouncer"), caveats, strict=True):
        assert name not in report.tables()
        assert report.page().count(name) == 1
        assert f"> {caveat}" in report.page()


def test_what_cannot_be_measured_is_a_caveat_of_the_run() -> None:
    """Without Node.js and PgBouncer, the report has both reasons."""
    subjects = SimpleNamespace(peers=LabError("no Node.js"), pooled=LabError("no PgBouncer"))
    run = cast("Run", SimpleNamespace(_subjects=subjects))
    assert Run.caveats(run) == ["no Node.js", "no PgBouncer"]

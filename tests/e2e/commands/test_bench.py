"""A very short `make bench` reports every figure. The tests do not judge the figures."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.bench.results.figures import FIGURES, RATIOS
from tests.service import CHECKOUT

needs_wrk = pytest.mark.skipif(
    shutil.which("wrk") is None,
    reason="wrk IS MISSING: the benchmark is not tested. `make bench` says how to get wrk.",
)


def run(tmp_path: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run `lab bench`, which writes its report into `tmp_path`."""
    return subprocess.run(
        [sys.executable, "-m", "lab", "bench"],
        cwd=CHECKOUT,
        env={**os.environ, "BENCH_REPORT": str(tmp_path / "benchmarks.md"), **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


@pytest.mark.slow
@needs_wrk
def test_a_short_run_has_every_figure(tmp_path: Path) -> None:
    """Every figure is in the output, in the report, and in the JSON file next to it.

    A rate limit in the developer's environment has no effect. There are figures of Fastify only if
    Node.js is installed.
    """
    short = {"BENCH_SECONDS": "0.2", "BENCH_ROUNDS": "1", "BENCH_REQUESTS": "50"}
    result = run(tmp_path, **short, RATE_LIMIT_DEFAULT="1/minute")
    assert result.returncode == 0, result.stdout + result.stderr
    page = (tmp_path / "benchmarks.md").read_text()
    fields = json.loads((tmp_path / "benchmarks.json").read_text())
    has_node = shutil.which("node") is not None
    figures = [it for it in FIGURES if has_node or not it.name.startswith("peer_")]
    ratios = [it for it in RATIOS if has_node or not it.over.startswith("peer_")]
    assert fields["figures"].keys() == {figure.name for figure in figures}
    assert fields["ratios"].keys() == {ratio.title for ratio in ratios}
    for figure in figures:
        assert fields["figures"][figure.name]["median"] > 0, figure.name
        for text in (page, result.stdout):
            assert re.search(rf"^\| {re.escape(figure.title)} +\| [\d,.]+", text, re.MULTILINE)
    for ratio in ratios:
        assert f"| {ratio.title} " in page
        assert fields["ratios"][ratio.title]["median"] > 0
    assert has_node == ("Fastify is not measured" not in page)
    assert fields["requests"] >= 50
    assert all(fields["machine"].values())
    assert "unknown" not in {fields["machine"][name] for name in ("PostgreSQL", "Valkey", "wrk")}


@pytest.mark.parametrize("variable", ["BENCH_SECONDS", "BENCH_ROUNDS", "BENCH_REQUESTS"])
def test_a_setting_that_is_not_a_number_is_refused(tmp_path: Path, variable: str) -> None:
    """The benchmark ends with status 1, and the error names the variable and its value."""
    result = run(tmp_path, **{variable: "soon"})
    assert result.returncode == 1
    assert result.stderr.startswith(f"{variable}=soon is not a positive number.")


def test_a_missing_wrk_is_an_error(tmp_path: Path) -> None:
    """The benchmark ends with status 1, and the error says what wrk is for."""
    result = run(tmp_path, PATH=str(tmp_path))
    assert result.returncode == 1
    assert result.stderr.startswith("wrk, which sends the requests, is missing.")


@pytest.mark.slow
def test_the_rate_of_jobs_is_compared_with_the_library_alone() -> None:
    """One line is for one worker, one for two workers, and one for the size of the tables."""
    result = subprocess.run(
        [sys.executable, "-m", "lab.bench.jobs", "500"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    one, two, size = result.stdout.splitlines()
    figures = r"\d+ messages/s, the library alone \d+ jobs/s, ratio \d\.\d\d"
    assert re.fullmatch(f"1 worker: {figures}", one)
    assert re.fullmatch(f"2 workers: {figures}", two)
    assert re.fullmatch(r"the tables of the queue: \d+ kB, after VACUUM \d+ kB", size)

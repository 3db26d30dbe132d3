"""The benchmarks: that they run and write down what they found, and how rows come of runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.table import Scenario

ROOT = Path(__file__).parent.parent


def run(*arguments: str | Path) -> str:
    """What `python -m benchmarks` printed; fails with it if that fails."""
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "-m", "benchmarks", *arguments, "--no-peer", "--scale", "0.001"]
    ended = subprocess.run(
        command,
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=180,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


@pytest.mark.parametrize("broker", ["redis", "sqlite", "postgres"])
def test_chosen_scenarios_run_and_are_written_down(broker: str, tmp_path: Path) -> None:
    file = tmp_path / "bench.json"

    said = run(broker, "--runs", "1", "--json", file, "--only", "By Gather", "1 ms sync")

    (told,) = json.loads(file.read_text())["brokers"]
    work, gathered = told["rows"]
    assert (told["broker"], told["runs"], told["scale"]) == (broker, 1, 0.001)
    assert work["scenario"] == "CPU of 1 ms sync, concurrency 16"
    assert set(work["median"]) == {"jobs/s", "CPU µs of the bare function", "CPU µs beside it"}
    assert gathered["scenario"] == "enqueue by gather, 100 at once"
    assert [list(row["runs"]) == [row["median"]] for row in told["rows"]] == [True, True]
    assert all(row["median"]["jobs/s"] > 0 for row in told["rows"])
    assert "  enqueue by gather, 100 at once" in said
    assert "one by one" not in said


def test_a_word_that_no_scenario_has_is_answered_with_their_names(tmp_path: Path) -> None:
    assert "nothing is called so; there are: no-op async, concurrency 100, " in run("sqlite", "--only", "dance")


def test_two_sides_alternate_and_are_divided_run_by_run() -> None:
    order: list[str] = []
    rates = {"ours": iter([100.0, 300.0, 90.0]), "theirs": iter([50.0, 100.0, 90.0])}

    def side(name: str) -> dict[str, float]:
        order.append(name)
        return {"jobs/s": next(rates[name])}

    scenario = Scenario("race", {"ours": lambda: side("ours"), "theirs": lambda: side("theirs")})
    ours, theirs, quotient = scenario.rows(3, lambda: order.append("clean"))

    assert order == ["clean", "ours", "clean", "theirs"] * 3
    assert (ours.medians, ours.bests) == ({"jobs/s": 100.0}, {"jobs/s": 300.0})
    assert theirs.medians == {"jobs/s": 90.0}
    assert (quotient.side, quotient.medians) == ("ours ÷ theirs", {"jobs/s": 2.0})
    assert quotient.line().endswith("2.00 (1.00 to 3.00) jobs/s")


def test_the_best_of_a_time_is_the_shortest() -> None:
    times = iter([3.0, 1.0, 2.0])

    (row,) = Scenario.plain("wait", lambda: {"median ms": next(times)}).rows(3, lambda: None)

    assert (row.medians, row.bests) == ({"median ms": 2.0}, {"median ms": 1.0})
    assert row.line().split() == ["wait", "2.00", "(1.00)", "median", "ms"]

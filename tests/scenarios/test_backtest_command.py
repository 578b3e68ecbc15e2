"""`parkgrid backtest` on the small factory's own simulated past."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.loader import example_site, load_site
from simulators.past import write_history

PATIENCE_S = 200.0
END = datetime(2026, 10, 9, 16, tzinfo=UTC)
SPAN = ["--from", "2026-10-08T00:00", "--to", "2026-10-09T00:00"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "history.csv"
    write_history(load_site(example_site("small_factory")), END, 40, path)
    lines = path.read_text().splitlines()
    # the small factory has no heat pump that would need the temperature
    path.write_text("\n".join(line.rsplit(",", 1)[0] for line in lines) + "\n")
    return path


def run(*options: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "parkgrid", "backtest", "small_factory", *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)


def test_a_day_is_lived_through_and_told(data: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    done = run("--data", data, *SPAN, "--report", page, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told["totals"]) == {
        "controller",
        "no control",
        "self-consumption",
        "time of use",
        "perfect foresight",
    }
    (period,) = told["periods"]
    assert period["start"] == "2026-10-07T16:00:00+00:00"
    assert period["plans"] == {"optimal": 96}
    for run_of in period["runs"].values():
        assert len(run_of["series"]["import_kwh"]) == 96
        assert run_of["cost"] == pytest.approx(sum(run_of["terms"].values()))
    own = told["totals"]["controller"]
    assert own["import_kwh"] == pytest.approx(sum(period["runs"]["controller"]["series"]["import_kwh"]))
    assert "<svg" in page.read_text()


def test_a_table_for_people(data: Path) -> None:
    done = run("--data", data, *SPAN, "--information", "setpoint")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("score")
    assert "perfect foresight" in done.stdout.splitlines()[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--from", "2026-12-01"], "there is no interval to live through"),
        (["--from", "2026-10-08T00:07"], "is not on the grid of 15 min"),
        (["--from", "2026-10-08", "--to", "2026-11-20"], "which does not hold"),
        (["--information", "setpoint", "--cycle", "1"], "does not go with --cycle"),
        (["--report", "report.pdf"], "the page is an .html file"),
        (["--leave-out", "luck"], "what can be left out is plan following, demand guard, forecast choice, blending"),
        (["--leave-out", "plan following", "--cycle", "1"], "does not go with --cycle"),
    ],
)
def test_what_cannot_be_is_refused(data: Path, options: list[str], words: str) -> None:
    done = run("--data", data, *options)
    assert done.returncode == 2
    assert words in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr


def test_the_same_file_lets_a_new_site_begin_warm(data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "parkgrid", "history", "import", "small_factory", "--state", str(tmp_path)]
    done = subprocess.run([*command, "--data", str(data)], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    assert "factory, roof: 3840 intervals are in" in done.stdout.replace("roof, factory", "factory, roof")
    plan = [sys.executable, "-m", "parkgrid", "plan", "small_factory", "--state", str(tmp_path), "--json"]
    planned = subprocess.run(
        [*plan, "--at", "2026-10-10T00:00"], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    assert json.loads(planned.stdout)["defaulted"] == []
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(data.read_text() + "2026-10-09T16:00Z,twelve,0\n")
    refused = subprocess.run([*command, "--data", str(wrong)], capture_output=True, text=True, timeout=PATIENCE_S)
    assert refused.returncode == 2
    assert "'twelve', not a number" in refused.stderr


def test_a_column_that_nobody_has_is_refused_by_its_name(data: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text(data.read_text().replace("factory", "hall", 1))
    done = run("--data", other)
    assert done.returncode == 2
    assert "there is no series 'hall'" in done.stderr

"""Scenarios as a person gives them to `parkgrid simulate` and `parkgrid demo`: whole processes and what they leave."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from controller.telemetry.record import from_line

DARK = """\
description: The grid is gone for a minute
start: 2026-07-15T12:00:00
length: 1h
grid_outages: [{at: 30s, for: 60s}]
"""


def parkgrid(*arguments: object, timeout: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "parkgrid", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=os.environ | environment,
    )


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_the_same_seed_gives_the_same_files_in_another_process(tmp_path: Path) -> None:
    found = []
    for number, seed in enumerate((5, 5, 6)):
        folder = tmp_path / str(number)
        folder.mkdir()
        truth, page = folder / "truth.json", folder / "park.html"
        options = ("--fast", "--for", "1h", "--seed", seed, "--truth", truth, "--summary", page)
        done = parkgrid(
            "simulate", "small_factory", "--scenario", "cloud_front", *options, PYTHONHASHSEED=str(number + 1)
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("small_factory, 1.0 h from 2026-07-15 06:00: import ")
        found.append((truth.read_bytes(), page.read_bytes()))
    assert found[0] == found[1]
    assert found[0][0] != found[2][0]
    last = json.loads(found[0][0])
    assert last["simulated_s"] == 3600
    assert (last["scenario"]["name"], last["scenario"]["seed"]) == ("cloud_front", 5)


def test_faults_that_nobody_would_see_are_named(tmp_path: Path) -> None:
    faults, truth = tmp_path / "faults.yaml", tmp_path / "truth.json"
    faults.write_text(
        "faults:\n  - {kind: frozen, target: meter_grid}\n  - {kind: trip, target: inverter, at: 5m, for: 10m}\n",
        encoding="utf-8",
    )
    done = parkgrid("simulate", "small_factory", "--fast", "--for", "20m", "--faults", faults, "--truth", truth)
    assert done.returncode == 0
    assert done.stderr == "frozen of meter_grid changes nothing here: without servers nobody sees it\n"
    assert [record["kind"] for record in read(truth)["faults"]] == ["frozen", "trip"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("small_factory", "--fast"), "--fast needs --for, such as --for 24h, or a scenario, which has a length"),
        (("small_factory", "--fast", "--for", "5"), "--for is '5', should look like 90s, 30m, 2h, 1d or 00:10:00"),
        (
            ("small_factory", "--scenario", "windy_night", "--fast"),
            "windy_night.yaml:5: wind: site small_factory has no wind turbine",
        ),
        (
            ("small_factory", "--scenario", "cloudfront"),
            "there is no file cloudfront, and no scenario of this name; did you mean 'cloud_front'?",
        ),
        (
            ("small_factory", "--fast", "--for", "1h", "--free-ports", "--announce", "park.json"),
            "--announce, --free-ports: about servers, and --fast has none",
        ),
        (("small_factory", "--fast", "--for", "1h", "--speed", "5"), "--speed and --fast exclude each other"),
        (("small_factory", "--fast", "--for", "1h", "--plot", "x.pdf"), "--plot x.pdf should end in .png or .svg"),
    ],
)
def test_what_cannot_be_is_refused_in_words(arguments: tuple[str, ...], words: str) -> None:
    done = parkgrid("simulate", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", words + "\n")


def test_a_served_park_ends_after_its_time_and_both_its_books_know_the_outage(tmp_path: Path) -> None:
    scenario, truth = tmp_path / "dark.yaml", tmp_path / "truth.json"
    scenario.write_text(DARK, encoding="utf-8")
    options = ("--free-ports", "--speed", 60, "--for", "2m", "--truth", truth)
    done = parkgrid("simulate", "small_factory", "--scenario", scenario, *options)
    assert done.returncode == 0, done.stderr
    found = read(truth)
    assert found["simulated_s"] == 120
    (fault,) = found["faults"]
    assert (fault["kind"], fault["target"]) == ("breaker_open", "meter_grid")
    # without control it is as dark as with it, or what control saves could not be told
    unserved = [found[book]["total"]["unserved_kwh"] for book in ("park", "without_control")]
    assert unserved[0] > 0.5
    assert unserved[0] == pytest.approx(unserved[1], rel=0.5)  # each sees the breaker within a tick of 6 s
    assert found["balance_residual"] < 1e-6


def test_the_demo_lives_through_a_scenario_and_its_controller_knows_the_limits(tmp_path: Path) -> None:
    state, page = tmp_path / "state", tmp_path / "park.html"
    done = parkgrid(
        *("demo", "--scenario", "heat_wave", "--for", 5, "--json", "--state", state, "--summary", page), timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["simulated_s"] > 5 * 144
    assert "Two hot days with the import limit halved" in page.read_text(encoding="utf-8")
    with sqlite3.connect(f"file:{state / 'telemetry.sqlite'}?mode=ro", uri=True) as database:
        lines = database.execute("SELECT line FROM record WHERE measurement = 'asset'").fetchall()
    database.close()
    limits = {record.fields.get("limit_kw") for record in (from_line(line) for (line,) in lines)} - {None}
    assert limits == {1500.0}  # half of the site file's


def test_a_scenario_that_does_not_fit_ends_the_demo_before_it_starts(tmp_path: Path) -> None:
    scenario = tmp_path / "odd.yaml"
    scenario.write_text("description: x\nlength: 1h\nloads: [{factor: 0.5, kinds: [steam_load]}]\n", encoding="utf-8")
    done = parkgrid("demo", "--scenario", scenario)
    assert done.returncode == 2
    assert done.stderr == (
        "odd.yaml:3: loads.0.kinds.0: site demo_park has no steam_load with a recorded series;"
        " did you mean 'heat_load'?\n"
    )

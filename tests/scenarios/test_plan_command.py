"""`parkgrid plan` as an engineer uses it: whole processes, and sums that can be done by hand.

The day is 14 October 2026 in Hangzhou: 7 hours of peak at 1.12625, 7 of flat at 0.68 and 10 of valley at 0.365 CNY/kWh.
"""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config.loader import example_site
from controller.telemetry.history import SeriesStore

DAY_STARTS = "2026-10-13T16:00Z"
HEADER = "time_utc,hall_1,hall_2,heat_demand,pv_a,pv_b,wind,outdoor_degc"
GRID_ONLY = ("battery", "tank", "heat_pump", "boiler")
KWH = 1000.0 * (7 * 1.12625 + 7 * 0.68 + 10 * 0.365)
"""What 1000 kW all day cost."""


def plan(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "parkgrid", "plan", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def data_of(*arguments: str) -> dict[str, Any]:
    done = plan(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def without(*assets: str) -> list[str]:
    return [word for asset in assets for word in ("--without", asset)]


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """A whole local day by the hour: halls of 600 and 400 kW, 300 kW of sun from 10 to 14 h, no wind, no heat."""
    rows = [HEADER]
    for hour in range(24):
        sun = 150 if 10 <= hour < 14 else 0
        utc = f"2026-10-{13 if hour < 8 else 14}T{(hour - 8) % 24:02}:00Z"
        rows.append(f"{utc},600,400,0,{sun},{sun},0,10")
    path = tmp_path / "series.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_a_park_without_anything_to_plan_buys_what_it_uses(series: Path) -> None:
    """1000 kW all day, less 300 kW in four hours: one of them flat, three in the valley. The floor is 1200 kW."""
    found = data_of("demo_park", "--series", str(series), *without(*GRID_ONLY))
    assert (found["method"], found["start"]) == ("optimal", "2026-10-13T16:00:00+00:00")
    assert found["assets"]["grid"]["power_kw"] == pytest.approx([1000.0] * 40 + [700.0] * 16 + [1000.0] * 40, abs=0.01)
    assert found["cost"]["energy_import"] == pytest.approx(KWH - 300 * (0.68 + 3 * 0.365), abs=0.5)
    assert found["cost"]["demand"] == 0.0
    assert found["total"] == pytest.approx(found["cost"]["energy_import"], abs=0.01)
    assert found["defaulted"] == []
    assert found["unavailable"] == sorted(GRID_ONLY)


def test_a_month_peak_below_what_is_needed_is_paid_for(series: Path) -> None:
    """48 CNY for each of the 100 kW above a peak of 900 kW."""
    found = data_of("demo_park", "--series", str(series), "--month-peak", "900", *without(*GRID_ONLY))
    assert found["cost"]["demand"] == pytest.approx(4800.0, abs=0.5)


def test_what_is_printed_balances_in_every_interval(series: Path, tmp_path: Path) -> None:
    """The same plan as JSON, CSV, table and picture; everything is added up again here."""
    warm = tmp_path / "warm.csv"
    warm.write_text(series.read_text("utf-8").replace(",600,400,0,", ",600,400,900,"), encoding="utf-8")
    options = ("demo_park", "--series", str(warm), "--soc", "battery=0.3")
    found = data_of(*options, "--picture", str(tmp_path / "plan.png"))
    assets = {name: {key: np.array(value) for key, value in asset.items()} for name, asset in found["assets"].items()}

    supply = sum(assets[name]["power_kw"] for name in ("grid", "pv_a", "pv_b", "wind", "battery"))
    use = sum(assets[name]["power_kw"] for name in ("hall_1", "hall_2", "heat_pump"))
    assert supply == pytest.approx(use, abs=0.02)
    heat = assets["heat_pump"]["heat_kw"] + assets["boiler"]["power_kw"] + assets["tank"]["power_kw"]
    assert heat == pytest.approx(assets["heat_demand"]["power_kw"], abs=0.02)
    assert assets["heat_demand"]["power_kw"] == pytest.approx([900.0] * 96)
    battery, stored = assets["battery"]["power_kw"], assets["battery"]["stored_kwh"]
    change = np.where(battery < 0, -battery * 0.94, -battery / 0.94) * 0.25
    assert np.diff(stored) == pytest.approx(change, abs=0.01)
    assert (stored[0], found["soc_start"], found["soc_assumed"]) == (600.0, {"battery": 0.3, "tank": 0.5}, ["tank"])
    # 10 degrees outdoors, 55 supplied: COP of an air source at a lift of 45 K
    cop = 0.85 * (6.08 - 0.0941 * 45 + 0.000464 * 45**2)
    assert assets["heat_pump"]["heat_kw"] == pytest.approx(cop * assets["heat_pump"]["power_kw"], abs=0.01)
    assert found["total"] == pytest.approx(sum(found["cost"].values()), abs=0.01)
    assert found["cost"]["energy_import"] == pytest.approx(
        float(np.maximum(assets["grid"]["power_kw"], 0) @ np.array(found["import_price_per_kwh"])) * 0.25, abs=0.1
    )
    assert (tmp_path / "plan.png").read_bytes().startswith(b"\x89PNG")

    done = plan(*options, "--format", "csv")
    assert done.returncode == 0
    assert "Assumed to start at SOC 0.5: tank" in done.stderr
    lines = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [float(line["battery_power_kw"]) for line in lines] == found["assets"]["battery"]["power_kw"]
    assert [float(line["battery_stored_kwh"]) for line in lines] == found["assets"]["battery"]["stored_kwh"][1:]
    assert (lines[0]["time_utc"], len(lines)) == (DAY_STARTS, 96)

    done = plan(*options)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Wed 14 00:00 0.365 valley" in done.stdout
    assert f"{found['total']:.2f}" in done.stdout
    assert done.stdout.endswith(
        "Method: optimal\nAssumed to start at SOC 0.5: tank\n"
        "Given: hall_1, hall_2, heat_demand, pv_a, pv_b, wind, outdoor_degc\n"
    )


def test_the_past_gives_the_forecast_from_a_file_or_from_a_state_folder(tmp_path: Path) -> None:
    """Yesterday 500 kW, so tomorrow too; what the past does not know rests on a default."""
    rows = ["time_utc,hall_1"] + [f"2026-10-13T{hour:02}:00Z,500" for hour in range(24)]
    history = tmp_path / "history.csv"
    history.write_text("\n".join(rows) + "\n", encoding="utf-8")
    from_file = data_of("demo_park", "--history", str(history), "--at", "2026-10-14T08:00")
    assert from_file["assets"]["hall_1"]["power_kw"] == [500.0] * 96
    assert from_file["defaulted"] == ["pv_a", "pv_b", "wind", "hall_2", "heat_demand", "outdoor_degc"]
    assert from_file["given"] == []

    quarters = [f"2026-10-13T{hour:02}:{minute:02}Z,500" for hour in range(24) for minute in (0, 15, 30, 45)]
    history.write_text("\n".join(["time_utc,hall_1", *quarters]) + "\n", encoding="utf-8")
    store = SeriesStore(tmp_path / "history.sqlite")
    store.import_file(history)
    store.close()
    from_state = data_of("demo_park", "--state", str(tmp_path), "--at", "2026-10-14T00:00Z")
    assert from_state["assets"] == from_file["assets"]


def test_a_solve_is_saved_and_replayed_and_another_price_is_told(series: Path, tmp_path: Path) -> None:
    saved = str(tmp_path / "solve.json")
    found = data_of("demo_park", "--series", str(series), "--save", saved)
    again = plan("demo_park", "--replay", saved, "--json")
    assert (again.returncode, again.stderr) == (0, "")
    replayed = json.loads(again.stdout)
    assert (replayed["same"], replayed["circumstances"]) == (True, [])
    assert replayed["cost_now"] == pytest.approx(found["total"], abs=0.01)

    record = json.loads(Path(saved).read_text(encoding="utf-8"))
    record["plan"]["cost"]["energy_import"] += 50.0  # beyond the gap of plans with units
    Path(saved).write_text(json.dumps(record), encoding="utf-8")
    differs = plan("demo_park", "--replay", saved)
    assert differs.returncode == 1
    assert f"cost: {found['total'] + 50.0:.2f} in the record, {found['total']:.2f} now" in differs.stdout
    assert "the replay differs from the record" in differs.stderr

    Path(saved).write_text(json.dumps(record)[:1000], encoding="utf-8")
    damaged = plan("demo_park", "--replay", saved)
    assert (damaged.returncode, damaged.stdout) == (2, "")
    assert "solve.json cannot be replayed: it is not whole JSON" in damaged.stderr


def test_why_shows_reasons_and_limits(series: Path) -> None:
    done = plan("demo_park", "--series", str(series), "--why", *without(*GRID_ONLY))
    assert done.returncode == 0
    assert "left out: unavailable" in done.stdout
    assert "imports: what the park lacks" in done.stdout
    assert "follows demand" in done.stdout


def test_when_the_solver_is_too_slow_rules_plan(series: Path, tmp_path: Path) -> None:
    text = (
        example_site("demo_park")
        .read_text("utf-8")
        .replace("horizon_h: 24", "horizon_h: 24\n  solver_time_limit_s: 1.0e-6")
    )
    site = tmp_path / "hurried.yaml"
    site.write_text(text, encoding="utf-8")
    done = plan(str(site), "--series", str(series), "--json")
    assert done.returncode == 0
    assert done.stderr == "not optimal, made by rules: the solver found nothing within 1e-06 s\n"
    found = json.loads(done.stdout)
    assert (found["method"], found["failure"]) == ("rules", "the solver found nothing within 1e-06 s")
    supply = sum(np.array(found["assets"][name]["power_kw"]) for name in ("grid", "pv_a", "pv_b", "wind", "battery"))
    use = sum(np.array(found["assets"][name]["power_kw"]) for name in ("hall_1", "hall_2", "heat_pump"))
    assert supply == pytest.approx(use, abs=0.02)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("hall_2", "hall2"), "line 1: there is no series 'hall2'; did you mean 'hall_2'?"),
        (("2026-10-14T03:00Z,600", "2026-10-14T03:00Z,"), "hall_1: no value for 2026-10-14T03:00Z (Wed 11:00 in"),
        (("2026-10-14T03:00Z,600", "2026-10-14T03:00Z,six"), "line 13: hall_1 is 'six', not a number"),
        (("2026-10-14T03:00Z,600", "2026-10-14T03:00Z,-6"), "hall_1 is -6 for 2026-10-14T03:00Z: it is never negative"),
        (("2026-10-14T03:00Z", "2026-10-14T02:00Z"), "line 13: 2026-10-14T02:00Z was already in line 12"),
    ],
)
def test_a_series_that_cannot_be_used_is_refused(series: Path, change: tuple[str, str], message: str) -> None:
    series.write_text(series.read_text("utf-8").replace(*change), encoding="utf-8")
    done = plan("demo_park", "--series", str(series))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"series.csv: {message}" in done.stderr
    assert "Traceback" not in done.stderr


def test_all_assets_of_a_site_can_be_planned(tmp_path: Path) -> None:
    picture = tmp_path / "plan.svg"
    done = plan(
        "hydrogen_park", "--all", "--at", "2026-10-14T04:00", "--soc", "hydrogen_tank=0.9", "--picture", str(picture)
    )
    assert done.returncode == 0, done.stderr
    assert "Method: optimal" in done.stdout
    assert "Hydrogen in kW: store + discharge" in done.stdout
    assert "hydrogen, kW" in picture.read_text(encoding="utf-8")
    found = data_of("hydrogen_park", "--all", "--at", "2026-10-14T04:00", "--soc", "hydrogen_tank=0.9")
    assets = {name: {key: np.array(v) for key, v in asset.items()} for name, asset in found["assets"].items()}
    hydrogen = (
        assets["electrolyser"]["hydrogen_kw"] + assets["hydrogen_tank"]["power_kw"] + assets["fuel_cell"]["hydrogen_kw"]
    )
    assert hydrogen == pytest.approx(assets["dispensers"]["power_kw"], abs=0.01)
    assert assets["hydrogen_tank"]["stored_kwh"][0] == pytest.approx(0.9 * 400 * 33.33)
    assert "hydrogen" in found["marginal_per_kwh"]


def test_what_is_under_local_control_is_planned_with_all_only(tmp_path: Path) -> None:
    text = example_site("hydrogen_park").read_text(encoding="utf-8")
    site = tmp_path / "hydrogen_park.yaml"
    site.write_text(text.replace("device: transformer_meter\n", "device: transformer_meter\n    control: local\n"))
    assert "transformer" not in data_of(str(site), "--at", "2026-10-14T04:00")["assets"]
    assert "transformer" in data_of(str(site), "--all", "--at", "2026-10-14T04:00")["assets"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--soc", "batery=0.4"], "there is no store 'batery'; did you mean 'battery'?"),
        (["--soc", "battery=40"], "a state of charge is between 0 and 1"),
        (["--without", "grid"], "the connection point and the loads are always there"),
        (["--at", "soon"], "should look like 2026-10-14T08:00"),
        (["--at", "2020-01-01"], "no tariff covers 2020-01-01"),
        (["--series", "nowhere.csv"], "there is no file nowhere.csv"),
        (["--history", "a.csv", "--state", "b"], "give one of them"),
        (["--state", "nowhere"], "there is no nowhere/history.sqlite"),
        (["--picture", "plan.jpg"], "should end with .svg or .png"),
        (["--picture", "nowhere/plan.png"], "there is no folder nowhere"),
        (["--format", "csv", "--json"], "contradict each other"),
        (["--format", "xml"], "'table', 'csv', 'json'"),
        (["--replay", "nowhere.json"], "nowhere.json cannot be read: No such file"),
        (["--replay", "solve.json", "--at", "2026-10-14"], "besides it only --all, --format and --json are taken"),
        (["--save", "nowhere/solve.json"], "nowhere/solve.json cannot be written: No such file"),
        (["--month-peak", "-1"], "Invalid value for '--month-peak'"),
    ],
)
def test_options_that_cannot_be_used_are_refused(arguments: list[str], message: str) -> None:
    done = plan("demo_park", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr

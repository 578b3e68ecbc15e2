"""What `parkgrid plan` makes of its options, and the plan it makes, on parks small enough to plan by hand."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from tiny_park import START, TinyPark, make_park

from config.site import Site
from dispatch.forecast.heat_pump import cop
from dispatch.forecast.history import History
from dispatch.plan import Method, Used
from dispatch.reason import Reason
from parkgrid.plan import left_out, start_time, starting_soc, used_so_far
from parkgrid.plan_output import as_csv, as_data, remarks, rows
from parkgrid.plan_picture import draw
from parkgrid.plan_why import runs, stretches, why_tables
from parkgrid.planning import Assumptions, Planned, expected, holds, planned
from parkgrid.refusal import Failed, Refused
from parkgrid.series_file import SeriesFile

SHANGHAI = ZoneInfo("Asia/Shanghai")


def assumptions(at: datetime = START, **given: object) -> Assumptions:
    """Nothing known of the past; stores at 0.5; series as lists by name."""
    series = {name: np.array(values, dtype=float) for name, values in given.items()}
    return Assumptions(
        at=at,
        history=History(start=at, step_min=60, series={}),
        given=series,
        soc={},
        without=frozenset(),
        month_peak_kw=0.0,
    )


@pytest.fixture
def shifting() -> TinyPark:
    """Two hours at 1 and 3 per kWh, 10 kW of load, and a battery of 100 kWh that loses a tenth each way."""
    return make_park({"load": {}, "battery": {"max_discharge_kw": 9}}, (1.0, 3.0))


@pytest.fixture
def found(shifting: TinyPark) -> Planned:
    return planned(shifting.site, assumptions(load=[10, 10]))


def test_the_plan_is_the_one_by_hand(found: Planned) -> None:
    """At 3 the battery gives its 9 kW, which take 10 kWh from it; at 1 it takes 10 / 0.9 kW to hold them again."""
    battery, grid = found.plan.assets["battery"], found.plan.assets["grid"]
    assert found.plan.method is Method.OPTIMAL
    assert battery.power_kw == pytest.approx([-10 / 0.9, 9.0], abs=1e-3)
    assert battery.stored_kwh == pytest.approx([50.0, 60.0, 50.0], abs=1e-3)
    assert grid.power_kw == pytest.approx([10 + 10 / 0.9, 1.0], abs=1e-3)
    assert found.total == pytest.approx(10 + 10 / 0.9 + 3.0, abs=1e-3)
    assert (found.soc_start, found.soc_assumed, found.defaulted, found.unmet) == (
        {"battery": 0.5},
        ("battery",),
        (),
        (),
    )


def test_a_named_charge_and_a_missing_battery(shifting: TinyPark) -> None:
    empty = replace(assumptions(load=[10, 10]), soc={"battery": 0.0}, without=frozenset({"battery"}))
    found = planned(shifting.site, empty)
    assert found.plan.assets["grid"].power_kw == pytest.approx([10.0, 10.0])
    assert found.total == pytest.approx(40.0)
    assert (found.soc_start, found.soc_assumed) == ({"battery": 0.0}, ())
    assert "Left out: battery" in remarks(found)


def test_what_is_not_given_is_forecast_and_named(shifting: TinyPark) -> None:
    """Without any history a load is taken at half of its peak of 100 kW."""
    found = expected(shifting.site, assumptions())
    assert found.situation.load_kw["load"].tolist() == [50.0, 50.0]
    assert found.defaulted == ("load",)


def test_a_given_outdoor_temperature_gives_the_cop() -> None:
    park = make_park({"heat": {}, "heat_pump": {}})
    found = expected(park.site, assumptions(heat=[30, 30], outdoor_degc=[-5, 15]))
    assert found.situation.cop["heat_pump"] == pytest.approx(cop("air", 55, np.array([-5.0, 15.0])))
    assert found.situation.cop["heat_pump"][1] > found.situation.cop["heat_pump"][0]
    assert found.defaulted == ()


def test_when_a_unit_runs_stands_in_every_output() -> None:
    """30 kW of heat are less than its least load makes, 60 kW are not."""
    control = {"interval_min": 60, "horizon_h": 2, "commitment": True}
    park = make_park(
        {"heat": {}, "heat_pump": {"min_power_kw": 15}, "boiler": {}}, (0.3, 0.3), site_keys={"control": control}
    )
    found = planned(park.site, assumptions(heat=[30, 60], outdoor_degc=[15, 15]))
    assert as_data(found)["assets"]["heat_pump"]["running"] == [0.0, 1.0]
    assert "running" not in as_data(found)["assets"]["boiler"]
    lines = [line.split(",") for line in as_csv(found).splitlines()]
    column = lines[0].index("heat_pump_running")
    assert [line[column] for line in lines[1:]] == ["0.0", "1.0"]


def test_without_a_solution_in_time_rules_make_the_plan() -> None:
    hurried = {"control": {"interval_min": 60, "horizon_h": 2, "solver_time_limit_s": 1e-6}}
    park = make_park({"load": {}, "battery": {}}, (1.0, 3.0), site_keys=hurried)
    found = planned(park.site, assumptions(load=[10, 10]))
    assert found.plan.method is Method.RULES
    assert found.failure == "the solver found nothing within 1e-06 s"
    assert found.solve_s is None
    assert remarks(found)[0] == "Method: rules, because the solver found nothing within 1e-06 s"


def test_demand_beyond_every_limit_is_left_open_and_said() -> None:
    park = make_park({"heat": {}, "boiler": {"max_heat_kw": 60}})
    found = planned(park.site, assumptions(heat=[100, 50]))
    assert found.unmet == ("heat, step 0: 40.00 kW of 100.00 kW are not served",)
    assert f"Left open: {found.unmet[0]}" in remarks(found)
    assert found.plan.note.endswith(
        "in the way: 40 kW more than the 60 kW of boiler from Mon 00:00 to 01:00 would meet heat"
    )


def test_a_plan_that_breaks_its_balance_is_never_shown(found: Planned) -> None:
    more_kw = found.plan.assets["grid"].power_kw + 5.0
    grid = replace(found.plan.assets["grid"], power_kw=more_kw, flows_kw={"electricity": more_kw})
    broken = replace(found.plan, assets={**found.plan.assets, "grid": grid})
    with pytest.raises(Failed, match=r"breaks what it must keep, \d times; first: electricity, step 0: the balance is"):
        holds(found.site, found.situation, broken)
    with pytest.raises(Failed, match="grid is not in the plan"):
        holds(found.site, found.situation, replace(found.plan, assets={}))


# -- options ---------------------------------------------------------------------------------------------


def test_a_time_without_a_zone_is_local(demo_site: Site) -> None:
    eight = datetime(2026, 10, 14, 8, tzinfo=SHANGHAI)
    assert start_time("2026-10-14T08:00", demo_site, None) == eight
    assert start_time("2026-10-14T02:00+02:00", demo_site, None) == eight
    assert start_time("2026-10-14T00:00Z", demo_site, None) == eight
    assert abs(start_time(None, demo_site, None) - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize(("minute", "first"), [(0, 0), (5, 15), (15, 15)])
def test_a_given_file_starts_with_its_first_whole_interval(demo_site: Site, minute: int, first: int) -> None:
    start = datetime(2026, 10, 14, 8, minute, tzinfo=UTC)
    file = SeriesFile(Path("series.csv"), History(start=start, step_min=5, series={}))
    assert start_time(None, demo_site, file) == start.replace(minute=first)


def test_a_time_that_the_clock_leaves_out_is_refused() -> None:
    berlin = make_park({}, site_keys={"location": {"latitude": 52, "longitude": 13, "time_zone": "Europe/Berlin"}}).site
    with pytest.raises(Refused, match="there is no such time in Europe/Berlin"):
        start_time("2026-03-29T02:30", berlin, None)
    assert start_time("2026-10-25T02:30", berlin, None).utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize("text", ["soon", "0001-01-01", "9999-12-31T23:59"])
def test_what_is_no_time_is_refused(demo_site: Site, text: str) -> None:
    with pytest.raises(Refused):
        start_time(text, demo_site, None)


def test_charges_by_store(demo_site: Site) -> None:
    assert starting_soc(["battery=0.4", "tank=1"], demo_site) == {"battery": 0.4, "tank": 1.0}


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["battery"], "should look like battery=0.5"),
        (["batery=0.4"], "did you mean 'battery'?"),
        (["grid=0.4"], "there is no store 'grid'; known are battery, tank"),
        (["battery=full"], "'full' is not a number"),
        (["battery=1.01"], "between 0 and 1"),
        (["battery=nan"], "between 0 and 1"),
        (["battery=0.4", "battery=0.5"], "names battery twice"),
    ],
)
def test_charges_that_cannot_be_are_refused(demo_site: Site, texts: list[str], words: str) -> None:
    with pytest.raises(Refused, match=words.replace("?", r"\?")):
        starting_soc(texts, demo_site)


def test_only_what_a_park_can_do_without_is_left_out(demo_site: Site) -> None:
    assert left_out(["wind", "battery", "wind"], demo_site) == {"wind", "battery"}
    for name, words in (("wnd", "did you mean 'wind'"), ("grid", "always there"), ("heat_demand", "always there")):
        with pytest.raises(Refused, match=words):
            left_out([name], demo_site)


# -- what is shown ---------------------------------------------------------------------------------------


def test_rows_are_hours_of_the_local_clock(found: Planned) -> None:
    quarters = replace(
        found.plan,
        start=datetime(2026, 10, 24, 23, 30, tzinfo=UTC),  # 01:30 in Berlin, in the night when 02:00 comes twice
        step_h=np.full(12, 0.25),
        assets={},
    )
    hours = rows(quarters, ZoneInfo("Europe/Berlin"))
    assert [(f"{hour.local:%H:%M %z}", hour.steps.stop - hour.steps.start) for hour in hours] == [
        ("01:30 +0200", 2),
        ("02:00 +0200", 4),
        ("02:00 +0100", 4),
        ("03:00 +0100", 2),
    ]
    assert hours[1].mean(quarters, np.arange(12.0)) == pytest.approx((2 + 3 + 4 + 5) / 4)


def test_csv_names_asset_quantity_and_unit(found: Planned) -> None:
    first, second = csv.DictReader(io.StringIO(as_csv(found)))
    assert list(first) == [
        "time_utc",
        "import_price_per_kwh",
        "grid_power_kw",
        "grid_reason",
        "load_power_kw",
        "load_reason",
        "battery_power_kw",
        "battery_stored_kwh",
        "battery_reason",
    ]
    assert [row["battery_reason"] for row in (first, second)] == [
        "charging: cheap valley before peak",
        "discharging: peak price",
    ]
    assert (first["time_utc"], second["time_utc"]) == ("2026-03-02T00:00Z", "2026-03-02T01:00Z")
    assert (first["import_price_per_kwh"], second["import_price_per_kwh"]) == ("1.0", "3.0")
    # 50 kWh at the start, then what is there at the end of each hour
    assert [float(row["battery_stored_kwh"]) for row in (first, second)] == pytest.approx([60.0, 50.0], abs=2e-3)


def test_data_holds_the_whole_plan(found: Planned) -> None:
    data = as_data(found)
    assert data["assets"]["battery"]["stored_kwh"] == pytest.approx([50.0, 60.0, 50.0], abs=2e-3)
    assert data["total"] == pytest.approx(sum(data["cost"].values()), abs=1e-3)
    assert data["marginal_per_kwh"]["electricity"] == pytest.approx([1.0, 3.0], abs=1e-3)
    assert (data["given"], data["defaulted"], data["soc_start"]) == (["load"], [], {"battery": 0.5})
    assert data["band"] == ["h0", "h1"]
    assert data["assets"]["battery"]["reason"] == ["charging: cheap valley before peak", "discharging: peak price"]
    assert data["stored_value_per_kwh"]["battery"] == pytest.approx([1 / 0.9, 1 / 0.9], abs=1e-3)
    assert data["binding"] == [
        {"limit": "discharging power", "whose": "battery", "value": 9.0, "unit": "kW", "steps": [1]}
    ]


def test_reasons_are_shown_as_stretches_of_time(found: Planned) -> None:
    """Two hours of one load are one stretch, of the battery two."""
    shown = [(each.asset, each.first, each.end, round(each.mean_kw, 1), each.reason) for each in stretches(found.plan)]
    assert shown[2:] == [
        ("load", 0, 2, 10.0, Reason.FOLLOWS_DEMAND),
        ("battery", 0, 1, -11.1, Reason.CHARGES_CHEAP),
        ("battery", 1, 2, 9.0, Reason.DISCHARGES_DEAR),
    ]
    assert runs(np.array([True, True, False, True])) == [(0, 2), (3, 4)]
    reasons, limits = why_tables(found)
    assert (reasons.row_count, limits.row_count) == (5, 1)


def test_the_picture_has_a_legend_a_local_axis_and_units(found: Planned, tmp_path: Path) -> None:
    draw(found, tmp_path / "plan.svg")
    svg = (tmp_path / "plan.svg").read_text(encoding="utf-8")
    for text in ("load", "battery, 100 kWh", "CNY/kWh", "electricity, kW", "state of charge, %", "local time, UTC"):
        assert f">{text}<" in svg
    assert "heat, kW" not in svg  # the park has none
    draw(found, tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text(encoding="utf-8") == svg


@pytest.mark.parametrize("name", ["plan.png", "plan.PNG"])
def test_the_picture_can_be_a_png(park_with_all: TinyPark, tmp_path: Path, name: str) -> None:
    surplus = assumptions(load=[10] * 4, pv=[900] * 4, turbine=[400] * 4, heat=[80] * 4)
    draw(planned(park_with_all.site, surplus), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_what_was_used_so_far_is_named() -> None:
    assert used_so_far(["month_import_kwh=420000", "month_co2_kg=1e5"]) == Used(
        month_import_kwh=420_000.0, month_co2_kg=1e5
    )
    for text, words in (
        ("month_import_kwh", "should look like"),
        ("month_imports_kwh=1", "did you mean 'month_import_kwh'"),
        ("month_since=1", "nothing is called"),
        ("month_import_kwh=much", "'much' is not a number"),
    ):
        with pytest.raises(Refused, match=words):
            used_so_far([text])
    with pytest.raises(Refused, match="twice"):
        used_so_far(["month_co2_kg=1", "month_co2_kg=2"])


def test_a_plan_goes_on_from_what_was_used() -> None:
    ladder = {"over": "month", "steps": [{"above_kwh": 1000, "surcharge_per_kwh": 0.2}]}
    park = make_park({"load": {}}, (1.0, 1.0), ladder=ladder)
    used = Used(month_import_kwh=990.0)
    found = planned(park.site, replace(assumptions(load=[10, 10]), used=used))
    assert found.plan.cost["ladder"] == pytest.approx(10 * 0.2)
    assert as_data(found)["used"] == {"month_import_kwh": 990.0}

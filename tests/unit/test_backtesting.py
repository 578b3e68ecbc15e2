"""Recorded time lived through again: the small factory over days of its own simulated past."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dask
import numpy as np
import pytest
from distributed import LocalCluster

from config.loader import example_site, load_site
from config.site import PastDays, Site
from config.weather import IRRADIANCE
from controller.decider import Decider
from controller.decision import Decision
from controller.image import Snapshot
from dispatch.forecast.history import History
from dispatch.tariff import TariffCalendar
from parkgrid.backtesting.case import FEATURES, Case, Feature, case_of
from parkgrid.backtesting.page import write_page
from parkgrid.backtesting.periods import lived_through, lived_through_on_cluster, months_of
from parkgrid.backtesting.runs import CONTROLLER, FORESIGHT, NOTHING, Compared, compared
from parkgrid.backtesting.stepwise import Information
from parkgrid.backtesting.summing import data_of, lines_of, score_of
from parkgrid.refusal import Failed, Refused
from simulators.past import past_of

END = datetime(2026, 10, 9, 16, tzinfo=UTC)
"""Midnight in Shanghai, in months of one tariff."""
DAYS = 43


@pytest.fixture(scope="module")
def site() -> Site:
    """With a peak that is paid anyway: two days are no month, so that only energy costs anything."""
    found = load_site(example_site("small_factory"))
    return replace(found, file=found.file.model_copy(update={"month_peak_floor_kw": 300.0}))


@pytest.fixture(scope="module")
def history(site: Site) -> History:
    past = past_of(site, END, DAYS)
    start = datetime.fromtimestamp(float(past.start_s[0]), UTC)
    return History(start=start, step_min=15, series={name: past.columns[name] for name in ("factory", "roof")})


def case(
    site: Site,
    history: History,
    days: float = 2.0,
    *,
    information: Information = "realtime",
    foreknows: bool = False,
    cycle_s: float | None = None,
) -> Case:
    lasts = timedelta(days=days)
    return case_of(
        site,
        history,
        END - timedelta(days=4),
        lasts,
        seed=1,
        information=information,
        foreknows=foreknows,
        cycle_s=cycle_s,
    )


@pytest.fixture(scope="module")
def found(site: Site, history: History) -> Compared:
    return compared(case(site, history))


def test_the_controller_lies_between_nothing_and_perfect_foresight(found: Compared) -> None:
    scores = {name: found.score(name) for name in found.runs}
    assert (scores[NOTHING], scores[FORESIGHT]) == (0.0, 1.0)
    own = scores[CONTROLLER]
    assert own is not None
    assert 0.5 < own <= 1.0 + 1e-9
    for rule in ("self-consumption", "time of use"):
        score = scores[rule]
        assert score is not None
        assert score < own
    assert found.plans == {"optimal": 192}


def test_with_perfect_forecasts_the_control_loop_loses_nothing(site: Site, history: History) -> None:
    floor = replace(site, file=site.file.model_copy(update={"month_peak_floor_kw": 120.0}))
    knowing = compared(case(floor, history, 3.0, foreknows=True))
    score = knowing.score(CONTROLLER)
    assert score is not None
    assert 0.995 <= score <= 1.005  # the battery of the plant has cells, that of the optimisation an efficiency
    assert float(knowing.errors_kw["loads"].max()) < 1e-6


def test_every_kwh_and_every_unit_of_money_adds_up_again(site: Site, found: Compared) -> None:
    hours = np.full(found.case.steps, 0.25)
    prices = TariffCalendar(site.tariffs).over(found.case.start, hours, site.spot)
    for name, run in found.runs.items():
        series = run.series
        grid_kwh = series["import_kwh"] - series["export_kwh"]
        battery_kwh = np.zeros(found.case.steps)
        for key, sign in (("battery.electricity_fed_kwh", 1.0), ("battery.electricity_used_kwh", -1.0)):
            battery_kwh = battery_kwh + sign * series.get(key, 0.0)
        left = grid_kwh + battery_kwh + series["roof.electricity_fed_kwh"]
        used = series["factory.electricity_used_kwh"]
        assert left == pytest.approx(used, abs=1e-3), name
        assert run.bill.terms["import"] == pytest.approx(float(prices.import_per_kwh @ series["import_kwh"]))
        assert run.bill.terms["export"] == pytest.approx(-float(prices.export_per_kwh @ series["export_kwh"]))
        peak_kw = max(0.0, run.highest_kw - site.file.month_peak_floor_kw)
        assert run.bill.terms["demand"] == pytest.approx(site.tariffs[0].demand_charge_per_kw_month * peak_kw, rel=1e-6)
        assert run.bill.total == pytest.approx(sum(run.bill.terms.values()))
    # every way through the period has the same sun and the same load
    for key in ("factory.electricity_used_kwh",):
        assert found.runs[CONTROLLER].series[key] == pytest.approx(found.runs[FORESIGHT].series[key], rel=1e-6)


@pytest.mark.parametrize("information", ["realtime", "setpoint"])
def test_nobody_sees_the_future(site: Site, history: History, information: Information) -> None:
    """What comes after the first day is turned round: everything before it stays as it was."""
    whole = case(site, history, information=information)
    turned = {name: values.copy() for name, values in history.series.items()}
    first = whole.first + 96
    for values in turned.values():
        values[first:] = values[first:][::-1]
    other = case(site, replace(history, series=turned), information=information)
    before, after = (compared(each).runs[CONTROLLER].series for each in (whole, other))
    for key in ("import_kwh", "export_kwh", "battery.stored_kwh"):
        assert before[key][:96].tolist() == after[key][:96].tolist()
        assert before[key][96:].tolist() != after[key][96:].tolist()


def test_the_same_cases_give_the_same_numbers_on_any_number_of_processes(
    site: Site, history: History, found: Compared
) -> None:
    cases = [case(site, history), case(site, history, 1.0)]
    together = lived_through(cases, jobs=2)
    assert data_of(together[:1], whole=True) == data_of([found], whole=True)
    passed: list[int] = []
    alone = lived_through(cases[1:], 1, passed.append)
    assert data_of(alone, whole=True) == data_of(together[1:], whole=True)
    assert sum(passed) == 96


@pytest.mark.timeout(240)
def test_a_cluster_gives_the_same_numbers(site: Site, history: History, found: Compared) -> None:
    cases, passed = [case(site, history), case(site, history, 1.0)], list[int]()
    together = lived_through_on_cluster(cases, 2, None, passed.append)
    assert data_of(together[:1], whole=True) == data_of([found], whole=True)
    assert sorted(passed) == [96, 192]
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        alone = lived_through_on_cluster(cases[1:], 2, cluster.scheduler_address)
    assert data_of(alone, whole=True) == data_of(together[1:], whole=True)


def test_a_cluster_that_is_not_there_is_said(site: Site, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}), pytest.raises(Failed, match="no Dask scheduler"):
        lived_through_on_cluster([case(site, history)], 2, "tcp://127.0.0.1:9")


@pytest.mark.timeout(240)
def test_a_battery_makes_up_for_a_heat_pump_that_starts_within_an_interval(demo_site: Site) -> None:
    """The month's peak of 1,200 kW is held although the heat pump ramps up to 400 beside a battery that charges."""
    control = demo_site.control.model_copy(update={"scenarios": None})
    park = replace(demo_site, file=demo_site.file.model_copy(update={"control": control}))
    start, lasts = datetime(2026, 8, 31, 16, tzinfo=UTC), timedelta(days=2)
    past = past_of(park, start + lasts, 14)
    series = {name: past.columns[name] for name in past.columns}
    begin = datetime.fromtimestamp(float(past.start_s[0]), UTC)
    whole = History(start=begin, step_min=15, series=series)
    run = compared(case_of(park, whole, start, lasts, seed=1)).runs[CONTROLLER]
    started = np.diff(run.series["heat_pump.electricity_used_kwh"], prepend=0.0) > 20.0
    charging = run.series["battery.electricity_used_kwh"] > 20.0
    assert np.any(started & charging)
    assert run.highest_kw < 1.01 * park.file.month_peak_floor_kw


def test_what_is_known_of_the_interval_is_worth_something(site: Site, history: History, found: Compared) -> None:
    blind = compared(case(site, history, information="setpoint"))
    assert blind.runs[CONTROLLER].bill.total > found.runs[CONTROLLER].bill.total
    assert blind.runs[NOTHING].bill.total == found.runs[NOTHING].bill.total


def test_a_weather_forecast_reaches_the_plans(site: Site, history: History) -> None:
    """It says that the sun does not shine, so plans do not reckon with the roof, whatever it did before."""
    noon = replace(case(site, history, 0.25), start=END - timedelta(days=4) + timedelta(hours=9))
    dark = History(
        start=noon.start - timedelta(days=1), step_min=60, series={IRRADIANCE: np.r_[np.full(24, 600.0), np.zeros(48)]}
    )
    expecting, told = compared(noon), compared(replace(noon, weather=dark))
    assert expecting.errors_kw["sources"][1] < 0.5 * told.errors_kw["sources"][1]


def test_blind_setpoints_are_those_of_the_plan(site: Site, history: History) -> None:
    """What is known when an interval begins is what the plan expects, so nothing is corrected."""
    blind = case(site, history, 0.5, information="setpoint")
    planned_kw: list[float] = []

    class Noting(Decider):
        def decide(self, snapshot: Snapshot) -> Decision:
            decision = super().decide(snapshot)
            battery = decision.assets["battery"]
            assert battery.planned_kw is not None
            if battery.owner == "plan":
                planned_kw.append(battery.planned_kw)
                assert battery.setpoint_kw == pytest.approx(battery.planned_kw, abs=0.1)
            return decision

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("parkgrid.backtesting.runs.Decider", Noting)
        compared(blind)
    assert len(planned_kw) > 30
    assert max(planned_kw) > 10.0


@pytest.mark.parametrize("feature", FEATURES)
def test_what_is_left_out_makes_a_difference(site: Site, history: History, found: Compared, feature: Feature) -> None:
    changes: dict[str, object] = {"month_peak_floor_kw": 120.0}
    if feature == "scenarios":
        changes["control"] = site.control.model_copy(update={"scenarios": PastDays(most=4)})
    floor = replace(site, file=site.file.model_copy(update=changes))
    whole, less = (
        compared(replace(case(floor, history), leaves_out=leaves_out)).runs[CONTROLLER].bill.total
        for leaves_out in (frozenset[Feature](), frozenset({feature}))
    )
    assert less != whole


def test_by_the_second_it_comes_near_to_what_whole_intervals_say(site: Site, history: History, found: Compared) -> None:
    quick = compared(case(site, history, 0.5, cycle_s=10.0))
    assert quick.case.steps == 48
    steps = found.runs[CONTROLLER].series["factory.electricity_used_kwh"][:48]
    assert quick.runs[CONTROLLER].series["factory.electricity_used_kwh"] == pytest.approx(steps, rel=0.03)


def test_a_span_is_cut_where_local_months_begin() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    start, end = datetime(2026, 8, 20, 16, tzinfo=UTC), datetime(2026, 10, 1, 2, tzinfo=UTC)
    cut = months_of(start, end, zone)
    assert [begin.astimezone(zone).strftime("%m-%d %H") for begin, _ in cut] == ["08-21 00", "09-01 00"]
    assert cut[-1][1] == datetime(2026, 9, 30, 16, tzinfo=UTC)  # ten hours of October say nothing by themselves


def test_gaps_are_filled_for_the_park_and_not_for_the_forecasts(site: Site, history: History) -> None:
    series = {name: values.copy() for name, values in history.series.items()}
    series["factory"][200:300] = np.nan
    made = case(site, replace(history, series=series))
    assert np.isfinite(made.recorded.columns["factory"]).all()
    assert made.recorded.columns["factory"][200:300].tolist() == history.series["factory"][872:972].tolist()
    assert np.isnan(made.history.series["factory"][200:300]).all()


def test_what_the_record_does_not_hold_is_refused(site: Site, history: History) -> None:
    with pytest.raises(Refused, match="which does not hold"):
        case_of(site, history, END - timedelta(days=1), timedelta(days=2), seed=1)
    with pytest.raises(Refused, match="column roof has no value"):
        case(site, replace(history, series={**history.series, "roof": np.full(DAYS * 96, np.nan)}))


def test_the_page_and_the_table_say_what_the_numbers_say(found: Compared, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_page([found], path)
    text = path.read_text("utf-8")
    score = score_of([found], CONTROLLER)
    assert score is not None
    assert f'<p class="score">{score:.1%}</p>' in text
    assert text.count("<svg") == 6
    assert "http://" not in text.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )
    table = "\n".join(lines_of([found]))
    assert f"{found.runs[CONTROLLER].bill.total:.2f}" in table
    assert f"{score:.4f}" in table

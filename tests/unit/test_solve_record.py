"""A solve that is written down reads back as itself, and comes out the same when it is solved again."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_park import START, TinyPark, demo_day, make_park

from config.price_series import PriceSeries
from config.site import Site
from controller.solve_folder import SolveFolder
from dispatch.dispatcher import Dispatcher
from dispatch.plan import Situation, Solved, Used, Wanted
from dispatch.reason import Reason
from dispatch.replay import replayed
from dispatch.solve_record import BadRecord, SolveRecord, fingerprint_of, read, recorded, written
from parkgrid.refusal import Failed, Refused
from parkgrid.solve_file import read_solve, replay_words, show_replay


@pytest.fixture
def park() -> TinyPark:
    """Two hours at 1 and 3 per kWh, 10 kW of load, and a battery that loses a tenth each way."""
    return make_park({"load": {}, "battery": {"max_discharge_kw": 9}}, (1.0, 3.0))


@pytest.fixture
def record(park: TinyPark) -> SolveRecord:
    """Half full at the start: buys 10 + 10 / 0.9 kWh at 1 and 1 kWh at 3."""
    situation = park.situation(load_kw={"load": 10.0}, stored_kwh={"battery": 50.0})
    return recorded(park.site, situation, START, park.plan(situation), solve_s=0.1)


def same(one: object, other: object) -> bool:
    """Equal to the last bit, arrays too."""
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if hasattr(one, "__dataclass_fields__"):
        return all(same(getattr(one, each.name), getattr(other, each.name)) for each in fields(one))  # type: ignore[arg-type]
    return one == other


def changed(record: SolveRecord, **keys: Any) -> str:
    return json.dumps({**json.loads(written(record)), **keys})


def test_a_record_reads_back_as_itself(record: SolveRecord) -> None:
    assert record.plan is not None
    assert same(read(written(record)), record)


def test_every_field_of_a_situation_and_a_plan_is_kept(park: TinyPark) -> None:
    third = np.full(2, 1.0 / 3.0)
    situation = Situation(
        start=START,
        step_h=third,
        available_kw={"pv": third},
        load_kw={"load": np.array([1e-7, 12345.678901234567])},
        cop={"heat_pump": third},
        stored_kwh={"battery": 0.1 + 0.2},
        wanted={"cars": (Wanted(-1.5, 2.0, 30.0, 22.0),)},
        local_kw={"electricity": -third},
        unavailable=frozenset({"pv"}),
        month_peak_kw=3.3,
        used=Used(
            month_import_kwh=7.0,
            month_since=datetime(2026, 3, 1, 5, tzinfo=UTC),
            day_discharged_kwh={"battery": 5.5},
        ),
        spot=PriceSeries(starts_s=(START.timestamp(),), length_s=3600.0, import_per_kwh=(-0.1,), export_per_kwh=(0.3,)),
    )
    plan = replace(
        park.plan(park.situation(load_kw={"load": 10.0})),
        stored_value_per_kwh={"battery": third},
        reasons={"battery": (Reason.FULL, Reason.IDLE)},
    )
    before = recorded(park.site, situation, START, plan, "why not")
    assert same(read(written(before)), before)


def test_spot_prices_are_cut_to_the_horizon(park: TinyPark) -> None:
    """Of five hours from one before the start on, the two of the horizon stay."""
    starts_s = tuple(START.timestamp() + 3600.0 * hour for hour in range(-1, 4))
    spot = PriceSeries(starts_s=starts_s, length_s=3600.0, import_per_kwh=(1, 2, 3, 4, 5), export_per_kwh=None)
    kept = recorded(park.site, park.situation(spot=spot), START, None).situation.spot
    assert kept is not None
    assert (kept.starts_s, kept.import_per_kwh) == (starts_s[1:3], (2, 3))


def test_fields_that_a_record_does_not_have_yet_stand_at_their_defaults(record: SolveRecord) -> None:
    data = json.loads(written(record))
    del data["situation"]["used"], data["plan"]["reasons"], data["plan"]["stored_value_per_kwh"], data["solve_s"]
    data["situation"]["of_a_later_version"] = 1
    found = read(json.dumps(data))
    assert found.situation.used == Used()
    assert found.plan is not None
    assert (found.plan.reasons, found.solve_s) == ({}, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not whole JSON"),
        ("[1]", "no record of a solve"),
        ('{"situation": {}, "form": 2}', "it has form 2, and this version of parkgrid reads form 1"),
        ('{"situation": {}, "form": 1}', "cannot be read"),
    ],
)
def test_what_is_no_record_is_refused_in_a_sentence(text: str, words: str) -> None:
    with pytest.raises(BadRecord, match=words):
        read(text)


def test_half_a_record_and_one_with_a_number_missing_are_refused(record: SolveRecord) -> None:
    with pytest.raises(BadRecord, match="not whole JSON"):
        read(written(record)[:-100])
    data = json.loads(written(record))
    data["situation"]["load_kw"]["load"][1] = None
    with pytest.raises(
        BadRecord, match=r"situation\.load_kw\.load cannot be read: a series is a list of finite numbers"
    ):
        read(json.dumps(data))


def test_the_fingerprint_is_of_what_dispatch_sees(park: TinyPark) -> None:
    assets = {"load": {"device": "another"}, "battery": {"max_discharge_kw": 9}}
    assert fingerprint_of(make_park(assets, (1.0, 3.0)).site) == fingerprint_of(park.site)
    assert fingerprint_of(make_park(assets, (1.0, 3.1)).site) != fingerprint_of(park.site)


# -- replay ----------------------------------------------------------------------------------------------


def test_a_replay_comes_out_the_same(park: TinyPark, record: SolveRecord) -> None:
    found = replayed(park.site, read(written(record)))
    assert (found.same, found.differences, found.circumstances) == (True, (), ())
    assert found.cost_now == pytest.approx(10 + 10 / 0.9 + 3.0, abs=1e-3)
    assert replay_words(record, found)[-1] == "The same: cost 24.11, and every power and store"


def test_a_day_of_the_demo_park_comes_out_the_same(demo_site: Site) -> None:
    situation = demo_day()
    outcome = Dispatcher(demo_site, situation.steps).plan(situation, situation.start)
    assert isinstance(outcome, Solved)
    found = replayed(demo_site, read(written(recorded(demo_site, situation, situation.start, outcome.plan))))
    assert (found.same, found.circumstances) == (True, ())


def test_another_price_is_told_as_the_cost_that_it_makes(park: TinyPark, record: SolveRecord) -> None:
    """The last kWh at 4 in place of 3."""
    dearer = make_park({"load": {}, "battery": {"max_discharge_kw": 9}}, (1.0, 4.0)).site
    found = replayed(dearer, record)
    assert not found.same
    assert found.differences[0] == "cost: 24.11 in the record, 25.11 now"
    assert found.circumstances == ("assets, tariffs or limits of the site are others than they were",)


def test_another_plan_of_the_same_cost_is_told_and_no_failure() -> None:
    """At one price all day it does not matter when a load is served from the store; here the record says otherwise."""
    park = make_park({"load": {}, "battery": {"charge_efficiency": 1.0, "discharge_efficiency": 1.0}})
    situation = park.situation(load_kw={"load": 10.0}, stored_kwh={"battery": 50.0})
    plan = park.plan(situation)
    there_and_back = np.array([5.0, -5.0])
    grid, battery = plan.assets["grid"], plan.assets["battery"]
    other = replace(
        plan,
        assets={
            **plan.assets,
            "grid": replace(grid, power_kw=grid.power_kw - there_and_back),
            "battery": replace(
                battery, power_kw=battery.power_kw + there_and_back, stored_kwh=np.array([50.0, 45.0, 50.0])
            ),
        },
    )
    found = replayed(park.site, recorded(park.site, situation, START, other))
    assert found.same
    assert found.differences == (
        "grid: power differs in 2 of 2 values, most in step 0: 5.00 kW in the record, 10.00 now",
        "battery: power differs in 2 of 2 values, most in step 0: 5.00 kW in the record, 0.00 now",
        "battery: stored energy differs in 1 of 3 values, most in step 1: 45.00 kWh in the record, 50.00 now",
    )


def test_a_plan_where_there_was_none_differs(park: TinyPark, record: SolveRecord) -> None:
    found = replayed(park.site, replace(record, plan=None, failure="the solver found nothing within 20 s"))
    assert not found.same
    assert found.differences == ("in the record there is no plan: the solver found nothing within 20 s",)


def test_other_versions_are_told(park: TinyPark, record: SolveRecord) -> None:
    found = replayed(park.site, replace(record, versions={**record.versions, "highspy": "1.0"}))
    assert found.same
    assert found.circumstances[0].startswith("highspy was 1.0 and is ")


def test_a_file_is_replayed_or_refused_by_its_name(park: TinyPark, record: SolveRecord, tmp_path: Path) -> None:
    path = tmp_path / "solve.json"
    path.write_text(written(record))
    show_replay(park.site, path, as_json=False)
    path.write_text(changed(record, site="another"))
    with pytest.raises(Refused, match="is a solve of site another, not of tiny"):
        read_solve(park.site, path)
    path.write_text(changed(record, plan=None, failure="too late"))
    with pytest.raises(Failed, match="the replay differs from the record: in the record there is no plan: too late"):
        show_replay(park.site, path, as_json=True)
    with pytest.raises(Refused, match="cannot be read: No such file"):
        read_solve(park.site, tmp_path / "none.json")


# -- the controller's folder -----------------------------------------------------------------------------


def test_the_folder_keeps_the_last_solves(record: SolveRecord, tmp_path: Path) -> None:
    folder = SolveFolder(tmp_path / "solves", 2)
    for minute in (0, 15, 30):
        folder.keep(replace(record, issued_at=START.replace(minute=minute)))
    names = sorted(path.name for path in (tmp_path / "solves").iterdir())
    assert names == ["20260302T001500.000000Z.json", "20260302T003000.000000Z.json"]
    assert same(
        read((tmp_path / "solves" / names[0]).read_bytes()), replace(record, issued_at=START.replace(minute=15))
    )
    SolveFolder(tmp_path / "solves", 0).keep(record)
    assert list((tmp_path / "solves").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said_once(
    record: SolveRecord, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "solves").write_text("a file is in the way")
    folder = SolveFolder(tmp_path / "solves", 2)
    folder.keep(record)
    folder.keep(record)
    assert [entry.message.partition(":")[0] for entry in caplog.records] == [
        f"solves are not kept in {tmp_path / 'solves'}"
    ]
